// SPDX-License-Identifier: GPL-3.0-or-later
// Which registers are which CPU's: the dump's notes, saved text, and what the kernel itself saved.
#include "priv.h"

#include <inttypes.h>

#include "base/bytes.h"

struct work {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_cpus *cpus;
	struct la_vcpu_regs *notes; /* of the dump, with those of saved text merged in */
	size_t n;
	/* For each note, the kernel it is of where that is not this one, or NULL. */
	const struct la_other_kernel **other;
	const char **said; /* for each note, what text of another moment said, or NULL */
};

static struct la_cpu *entry_of(struct la_cpus *cpus, unsigned cpu)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (cpus->cpu[i].cpu == cpu)
			return &cpus->cpu[i];
	return NULL;
}

/* All possible CPUs; where the mask cannot be read, all that could be. */
static void add_possible(struct work *w)
{
	struct la_cpus *cpus = w->cpus;

	for (unsigned i = 0; i < w->k->ncpus; i++) {
		struct la_cpu *c = &cpus->cpu[cpus->n];
		bool possible = true;

		la_cpumask_test(w->k, "__cpu_possible_mask", i, &possible, NULL);
		/* Before setup_arch() fills the masks there is still the CPU that boots. */
		if (!possible && i)
			continue;
		cpus->n++;
		c->cpu = i;
		c->vcpu = -1;
		c->online_known =
			la_cpumask_test(w->k, "__cpu_online_mask", i, &c->online, NULL) == LA_OK;
	}
}

/* QEMU writes its CPU index plus 1 where the kernel's own notes have the pid of a task. */
static int vcpu_of(const struct la_vcpu_regs *note)
{
	bool qemu = note->regs.source == LA_REGS_NOTE || note->regs.source == LA_REGS_TEXT;

	return qemu && note->pid && note->pid <= INT32_MAX ? (int)note->pid - 1 : -1;
}

static void give(struct la_cpu *c, const struct la_vcpu_regs *note)
{
	c->regs = note->regs;
	c->vcpu = vcpu_of(note);
	c->matched = true;
	c->sample = note->sample;
	c->nsamples = note->nsamples;
}

/* Registers that the kernel itself saved in @cpu's memory when it went down for kdump (kernel/kexec_core.c). */
static bool read_crash_note(const struct work *w, unsigned cpu, struct la_regs *ret)
{
	const struct la_kernel *k = w->k;
	struct la_vcpu_regs *notes;
	unsigned char raw[512];
	uint64_t base, era;
	size_t n;

	if (!k->percpu || cpu >= k->ncpus ||
	    la_read_variable(k, "crash_notes", 8, &base, NULL) != LA_OK || !base)
		return false;
	/* note_buf_t: one PRSTATUS note and an empty one behind it, 512 bytes together. */
	if (la_read(k, base + k->percpu[cpu], raw, sizeof(raw), NULL) != LA_OK ||
	    la_le32(raw) == 0 || la_le32(raw + 4) == 0)
		return false;
	if (la_notes_regs(w->arena, raw, sizeof(raw), &notes, &n, NULL) == LA_NOMEM || !n)
		return false;
	/* crash_setup_regs() of asm/kexec.h stores the pc in the place of ERA. */
	if (!la_csr_get(&notes[0].regs, LA_CSR_ERA, &era))
		return false;
	*ret = notes[0].regs;
	ret->source = LA_REGS_CRASH_NOTES;
	ret->pc = era;
	ret->pc_known = true;
	return true;
}

static void take_crash_notes(struct work *w, struct la_cpu *c)
{
	struct la_regs regs;

	/* Saved text is the better source (exact pc, all CSRs), and is kept. */
	if (c->regs.source == LA_REGS_TEXT || !read_crash_note(w, c->cpu, &regs))
		return;
	c->regs = regs;
	c->matched = true;
}

/* An entry that nobody claimed: user mode or firmware, which registers alone do not tell apart. */
static void match_rest(struct work *w, bool *used)
{
	struct la_cpus *cpus = w->cpus;
	size_t left = 0, last = 0, free_cpus = 0;
	struct la_cpu *c, *only = NULL;
	unsigned cpu;

	for (size_t i = 0; i < w->n; i++) {
		if (used[i] || w->other[i] || !la_match_map(w->k, vcpu_of(&w->notes[i]), &cpu))
			continue;
		c = entry_of(cpus, cpu);
		if (c && !c->matched) {
			give(c, &w->notes[i]);
			used[i] = true;
		}
	}
	for (size_t i = 0; i < w->n; i++) {
		if (!used[i] && !w->other[i]) {
			left++;
			last = i;
		}
	}
	for (size_t i = 0; i < cpus->n; i++) {
		if (!cpus->cpu[i].matched) {
			free_cpus++;
			only = &cpus->cpu[i];
		}
	}
	if (left == 1 && free_cpus == 1) {
		give(only, &w->notes[last]);
		used[last] = true;
		la_cpu_remark(w->arena, &only->remark, "matched as the only one left");
	}
}

/* So many general registers that two sets know tell whether they are of one moment. */
#define ENOUGH_REGISTERS 16

static unsigned common_registers(const struct la_regs *a, const struct la_regs *b)
{
	return (unsigned)__builtin_popcount(a->gpr_known & b->gpr_known & ~1u);
}

/* Do all general registers that both know agree? In a running guest they never stay so. */
static bool same_moment(const struct la_regs *a, const struct la_regs *b)
{
	for (unsigned i = 1; i < LA_NGPR; i++)
		if ((a->gpr_known & b->gpr_known & 1u << i) && a->gpr[i] != b->gpr[i])
			return false;
	return common_registers(a, b) >= ENOUGH_REGISTERS;
}

static bool is_of_kernel(const struct work *w, size_t i, const bool *used)
{
	return !used[i] && !w->other[i] && w->notes[i].regs.source == LA_REGS_CRASH_NOTES;
}

/* A note of @c in a dump of kdump: of the same moment as its own in memory, else of the task that it runs. */
static void match_kernel_note(struct work *w, struct la_cpu *c, bool *used)
{
	struct la_task task = { .pid_known = false };
	struct la_regs own;
	const bool saved = read_crash_note(w, c->cpu, &own);
	uint64_t curr;

	if (!saved && la_cpu_curr(w->k, c->cpu, &curr, NULL) == LA_OK && curr)
		la_task_read(w->k, curr, &task);
	for (size_t i = 0; i < w->n; i++) {
		if (!is_of_kernel(w, i, used) ||
		    !(saved ? same_moment(&own, &w->notes[i].regs) :
			      task.pid_known && task.pid == (int)w->notes[i].pid))
			continue;
		give(c, &w->notes[i]);
		used[i] = true;
		return;
	}
}

/*
 * The kernel's notes have no number of a CPU, but CPUs that were in the kernel are known by their registers.
 * Those left were in user mode.
 */
static void match_kernel_notes(struct work *w, bool *used)
{
	size_t left = 0;

	for (size_t i = 0; i < w->n; i++)
		left += is_of_kernel(w, i, used);
	for (size_t i = 0; left && i < w->cpus->n; i++)
		if (!w->cpus->cpu[i].matched)
			match_kernel_note(w, &w->cpus->cpu[i], used);
}

/* The listing of @text that is of the moment of @note, the latest if there are several; NULL: none. */
static const struct la_regs *sample_of(const struct la_vcpu_regs *text, const struct la_regs *note)
{
	for (size_t i = text->nsamples; i-- > 0;)
		if (same_moment(&text->sample[i], note))
			return &text->sample[i];
	return same_moment(&text->regs, note) ? &text->regs : NULL;
}

/* The note of the vCPU that @text is of; of one that is only counted, the note it agrees with. */
static size_t note_of(const struct work *w, size_t notes, const struct la_vcpu_regs *text)
{
	size_t i = 0;

	while (i < notes && (text->counted ? !sample_of(text, &w->notes[i].regs) :
					     vcpu_of(&w->notes[i]) != vcpu_of(text)))
		i++;
	return i;
}

/* The text's registers, and of the note what the text lacks. */
static void take_text(struct la_vcpu_regs *note, const struct la_vcpu_regs *text,
		      const struct la_regs *sample)
{
	struct la_regs regs = *sample;
	uint64_t value;

	for (unsigned i = 0; i < LA_NGPR; i++)
		if (!la_gpr_get(&regs, i, &value) && la_gpr_get(&note->regs, i, &value))
			la_gpr_set(&regs, i, value);
	for (unsigned i = 0; i < LA_NCSR; i++)
		if (!la_csr_get(&regs, i, &value) && la_csr_get(&note->regs, i, &value))
			la_csr_set(&regs, i, value);
	note->regs = regs;
	note->sample = text->sample;
	note->nsamples = text->nsamples;
}

static const char *pc_in_words(struct work *w, const struct la_regs *regs,
			       const struct la_regs *note)
{
	const struct la_door *door = w->k->door;
	const char *what = common_registers(regs, note) < ENOUGH_REGISTERS ?
				   "saved registers are too few to tell of which moment" :
				   "saved registers are of another moment";
	struct la_symbol symbol;

	if (!regs->pc_known)
		return what;
	if (door->symbol_at(door->ctx, la_vector_origin(w->k, regs->pc), &symbol))
		return la_format(w->arena, "%s, in %s+0x%" PRIx64, what, symbol.name,
				 la_vector_origin(w->k, regs->pc) - symbol.start);
	return la_format(w->arena, "%s, at %#" PRIx64, what, regs->pc);
}

static enum la_status merge_text(struct work *w, const struct la_vcpu_regs *text, size_t n)
{
	struct la_vcpu_regs *all = la_regrow(w->arena, w->notes, w->n, w->n + n, sizeof(*all));
	size_t notes = w->n;
	bool other_moment = false;

	w->said = la_alloc_n(w->arena, w->n + n, sizeof(*w->said));
	if (!all || !w->said)
		return LA_NOMEM;
	w->notes = all;
	for (size_t i = 0; i < n; i++) {
		const size_t j = note_of(w, notes, &text[i]);
		const struct la_regs *sample = j < notes ? sample_of(&text[i], &all[j].regs) : NULL;

		if (j == notes)
			all[w->n++] = text[i]; /* a dump without its notes: better than nothing */
		else if (sample)
			take_text(&all[j], &text[i], sample);
		else
			w->said[j] = pc_in_words(w, &text[i].regs, &all[j].regs);
		other_moment = other_moment || (notes && text[i].counted && j == notes) ||
			       (j < notes && w->said[j]);
	}
	if (other_moment && w->n > notes) {
		la_cpu_remark(
			w->arena, &w->cpus->remark,
			la_format(
				w->arena,
				"saved registers of %zu vCPUs that the dump does not have are left out: the text is of another moment or guest",
				w->n - notes));
		w->n = notes;
	}
	return LA_OK;
}

static bool in_mask(const struct la_kernel *k, const char *mask, unsigned cpu)
{
	bool is;

	return la_cpumask_test(k, mask, cpu, &is, NULL) == LA_OK && is;
}

/*
 * A CPU that did not answer the kernel that died, or what was lost on the way. For kdump each CPU marks itself
 * offline before it saves its registers (crash_shutdown_secondary() of kernel/machine_kexec.c).
 */
static void count_notes(struct work *w)
{
	size_t ran = 0;

	for (unsigned i = 0; i < w->k->ncpus; i++)
		ran += in_mask(w->k, "__cpu_online_mask", i) || in_mask(w->k, "cpus_in_crash", i);
	if (w->n && w->n < ran)
		la_cpu_remark(
			w->arena, &w->cpus->remark,
			la_format(w->arena,
				  "the dump has register notes of %zu of the %zu CPUs that ran",
				  w->n, ran));
}

static enum la_status gather(struct work *w, const struct la_vcpu_regs *text, size_t n)
{
	const struct la_door *door = w->k->door;
	struct la_cpus *cpus = w->cpus;
	struct la_error why = { "" };

	if (door->notes_size &&
	    la_notes_regs(w->arena, door->notes, door->notes_size, &w->notes, &w->n, &why) != LA_OK)
		la_cpu_remark(w->arena, &cpus->remark,
			      la_format(w->arena, "register notes: %s", why.text));
	if (!w->n && !cpus->remark)
		cpus->remark = "the dump has no register notes";
	count_notes(w);
	return merge_text(w, text, n);
}

static enum la_status collect(struct work *w, const struct la_vcpu_regs *text, size_t n,
			      struct la_error *err)
{
	struct la_cpus *cpus = w->cpus;
	unsigned cpu;
	bool *used;

	if (gather(w, text, n) != LA_OK)
		return la_fail(err, LA_NOMEM, "registers");
	cpus->cpu = la_alloc_n(w->arena, w->n + w->k->ncpus, sizeof(*cpus->cpu));
	used = la_alloc_n(w->arena, w->n, sizeof(*used));
	w->other = la_alloc_n(w->arena, w->n, sizeof(*w->other));
	if (!cpus->cpu || !used || !w->other)
		return la_fail(err, LA_NOMEM, "%zu CPUs", w->n + w->k->ncpus);
	add_possible(w);

	for (size_t i = 0; i < w->n; i++) {
		struct la_cpu *c;

		w->other[i] = la_match_other(w->k, &w->notes[i].regs);
		if (w->other[i] || !la_match_registers(w->k, &w->notes[i].regs, &cpu))
			continue;
		c = entry_of(cpus, cpu);
		if (!c)
			continue;
		if (c->matched) {
			la_cpu_remark(w->arena, &c->remark,
				      la_format(w->arena, "vCPU %d also claims to be this CPU",
						vcpu_of(&w->notes[i])));
			continue;
		}
		give(c, &w->notes[i]);
		la_cpu_remark(w->arena, &c->remark, w->said[i]);
		used[i] = true;
	}
	match_kernel_notes(w, used);
	match_rest(w, used);
	for (size_t i = 0; i < cpus->n; i++)
		take_crash_notes(w, &cpus->cpu[i]);

	for (size_t i = 0; i < w->n; i++) {
		struct la_cpu *c = &cpus->cpu[cpus->n];

		if (used[i])
			continue;
		cpus->n++;
		c->cpu = UINT32_MAX;
		c->vcpu = vcpu_of(&w->notes[i]);
		c->regs = w->notes[i].regs;
		c->other = w->other[i];
		c->sample = w->notes[i].sample;
		c->nsamples = w->notes[i].nsamples;
		la_cpu_remark(w->arena, &c->remark, w->said[i]);
	}
	return LA_OK;
}

enum la_status la_cpus_collect(const struct la_kernel *k, struct la_arena *arena,
			       const struct la_vcpu_regs *text, size_t n, struct la_cpus *ret,
			       struct la_error *err)
{
	struct work w = { .k = k, .arena = arena, .cpus = ret };

	return collect(&w, text, n, err);
}
