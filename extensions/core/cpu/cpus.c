// SPDX-License-Identifier: GPL-3.0-or-later
// What every CPU was doing: registers, task, stack, position, state.
#include "lakvm/cpu/cpus.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "lakvm/cpu/odd.h"
#include "priv.h"

static const char *const state_names[] = {
	[LA_CPU_UNKNOWN] = "unknown",     [LA_CPU_PANICKING] = "panicking",
	[LA_CPU_STOPPED] = "stopped",     [LA_CPU_KDUMP_STOPPED] = "kdump-stopped",
	[LA_CPU_IDLE] = "idle",           [LA_CPU_USER] = "user",
	[LA_CPU_SPINNING] = "spinning",   [LA_CPU_IPI_WAIT] = "ipi-wait",
	[LA_CPU_DELAY] = "delay",         [LA_CPU_IRQ] = "irq",
	[LA_CPU_EXCEPTION] = "exception", [LA_CPU_RUNNING] = "running",
	[LA_CPU_FIRMWARE] = "firmware",   [LA_CPU_NEVER_STARTED] = "never-started",
	[LA_CPU_OFFLINE] = "offline",
};

const char *la_cpu_state_name(enum la_cpu_state state)
{
	if ((size_t)state >= sizeof(state_names) / sizeof(state_names[0]))
		return "unknown";
	return state_names[state];
}

const char *la_pc_source_name(enum la_pc_source source)
{
	static const char *const names[] = { "none", "text", "crash_notes", "recovered" };

	return (size_t)source < sizeof(names) / sizeof(names[0]) ? names[source] : "none";
}

/* --- collecting --- */

struct work {
	const struct la_kernel *k;
	struct la_arena *arena;
	struct la_cpus *cpus;
	int panic_cpu;              /* -1: nobody panicked, or not known */
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

/* --- one CPU --- */

/* No kernel value in tp, sp and r21: the CPU was not in the kernel. */
static bool outside_kernel(const struct la_kernel *k, const struct la_regs *regs)
{
	uint64_t value;
	unsigned cpu;

	if (la_csr_get(regs, LA_CSR_CRMD, &value) && (value & 3) == 3)
		return true; /* saved text knows the privilege level */
	if ((regs->pc_known && la_kernel_address(k, regs->pc)) ||
	    (la_gpr_get(regs, LA_R_U0, &value) && la_match_percpu(k, value, &cpu)))
		return false;
	return la_gpr_get(regs, LA_R_SP, &value) && !la_kernel_address(k, value) &&
	       la_gpr_get(regs, LA_R_TP, &value) && !la_kernel_address(k, value);
}

/*
 * Does @task own the stack or task_struct that r2 points at? After a stack overflow thread_info
 * of kernels before 7.2, at the stack's low end, holds anything.
 */
static bool task_owns(const struct la_kernel *k, uint64_t task, uint64_t tp)
{
	uint64_t stack;

	return k->thread_info_in_task ||
	       (la_read_member(k, task, "task_struct", "stack", &stack, NULL) == LA_OK &&
		stack == tp);
}

static void find_task(struct work *w, struct la_cpu *c, bool outside)
{
	uint64_t by_regs = 0, by_queue = 0, tp = 0;
	bool has_regs = c->regs.source != LA_REGS_NONE;
	bool regs_say = has_regs && !outside && la_match_task(w->k, &c->regs, &by_regs) &&
			la_gpr_get(&c->regs, LA_R_TP, &tp);
	bool queue_says = c->cpu < w->k->ncpus && (c->matched || !has_regs) &&
			  la_cpu_curr(w->k, c->cpu, &by_queue, NULL) == LA_OK && by_queue;

	if (regs_say && !task_owns(w->k, by_regs, tp)) {
		la_cpu_remark(w->arena, &c->remark, "thread_info on its stack is overwritten");
		regs_say = false;
	}
	if (!regs_say && !queue_says)
		return;
	la_task_read(w->k, regs_say ? by_regs : by_queue, &c->task);
	/* Between setting rq->curr and switching registers (kernel/sched/core.c) they differ. */
	if (regs_say && queue_says && by_regs != by_queue)
		la_cpu_remark(w->arena, &c->remark,
			      la_format(w->arena,
					"registers belong to task %#" PRIx64
					", the run queue names %#" PRIx64,
					by_regs, by_queue));
}

/* STACK_END_MAGIC (uapi/linux/magic.h), set by fork at end_of_stack() (sched/task_stack.h). */
#define STACK_END_MAGIC UINT64_C(0x57ac6e9d)

/* The stack of its task; where that cannot be read any more, the one that tp is the lowest address of. */
static uint64_t stack_of(const struct work *w, const struct la_cpu *c)
{
	uint64_t tp;

	if (c->task.stack)
		return c->task.stack;
	return !w->k->thread_info_in_task && la_gpr_get(&c->regs, LA_R_TP, &tp) &&
			       la_kernel_address(w->k, tp) && !(tp & (LA_THREAD_SIZE - 1)) ?
		       tp :
		       0;
}

static void check_stack_end(struct work *w, struct la_cpu *c)
{
	const struct la_door *door = w->k->door;
	uint64_t mark;
	size_t size = 0;

	c->stack_base = stack_of(w, c);
	if (!c->stack_base ||
	    (!w->k->thread_info_in_task && !door->type_size(door->ctx, "thread_info", &size)) ||
	    la_read_u64(w->k, c->stack_base + size, &mark, NULL) != LA_OK)
		return;
	if (mark == STACK_END_MAGIC)
		return;
	c->stack_overrun = true;
	la_cpu_remark(w->arena, &c->remark,
		      "the end mark of its stack is overwritten: stack overflow");
}

/* Where registers come from that have a pc of their own. */
static enum la_pc_source pc_source_of(const struct la_regs *regs)
{
	return regs->source == LA_REGS_CRASH_NOTES ? LA_PC_CRASH_NOTES : LA_PC_TEXT;
}

static void find_position(struct work *w, struct la_cpu *c)
{
	const struct la_door *door = w->k->door;
	const struct la_frame *top = c->stack.n ? &c->stack.frame[0] : NULL;
	struct la_symbol symbol;
	uint64_t where;

	if (c->regs.pc_known) {
		c->pc = c->regs.pc;
		c->pc_source = pc_source_of(&c->regs);
		c->verified = true;
		where = la_vector_origin(w->k, c->pc);
		if (door->symbol_at(door->ctx, where, &symbol)) {
			c->symbol = symbol.name;
			c->module = symbol.module;
			c->offset = where - symbol.start;
		}
		return;
	}
	/* A word that was found by searching the stack is somewhere below the CPU's position. */
	if (!top || top->method == LA_FROM_SCAN)
		return;
	c->symbol = top->symbol;
	c->module = top->module;
	c->verified = top->verified;
	if (top->pc_known && top->verified) {
		c->pc = top->pc;
		c->offset = top->offset;
		c->pc_source = LA_PC_RECOVERED;
	}
}

static void find_state(const struct work *w, struct la_cpu *c)
{
	c->state = la_cpu_state_of(c->stack.frame, c->stack.n);
	if (w->panic_cpu >= 0 && c->matched && c->cpu == (unsigned)w->panic_cpu)
		c->state = LA_CPU_PANICKING;
	la_cpu_find_before(c);
}

/* What its registers point at is another kernel's, with other symbols. */
static void leave_to_other(struct work *w, struct la_cpu *c)
{
	la_cpu_remark(w->arena, &c->remark,
		      la_format(w->arena, "it is in %s kernel, at offset 0x%" PRIx64,
				c->other->role == LA_KERNEL_FIRST   ? "the first" :
				c->other->role == LA_KERNEL_RUNNING ? "the running" :
								      "another",
				c->other->offset));
	c->stack.stop = LA_STOP_NO_REGS;
	memcpy(c->stack.reason, "in another kernel", sizeof("in another kernel"));
	if (!c->regs.pc_known)
		return;
	c->pc = c->regs.pc;
	c->pc_source = pc_source_of(&c->regs);
}

static void analyse_cpu(struct work *w, struct la_cpu *c)
{
	bool has_regs = c->regs.source != LA_REGS_NONE;
	bool outside = has_regs && outside_kernel(w->k, &c->regs);
	/* For kdump a CPU marks itself offline, and then saves what it was doing. */
	const bool saved = c->regs.source == LA_REGS_CRASH_NOTES;

	if (c->other) {
		leave_to_other(w, c);
		return;
	}
	find_task(w, c, outside);
	check_stack_end(w, c);
	if (!has_regs) {
		c->stack.stop = LA_STOP_NO_REGS;
		memcpy(c->stack.reason, "no registers", sizeof("no registers"));
		if (c->online_known && !c->online)
			c->state = LA_CPU_OFFLINE;
		return;
	}
	if (outside) {
		/*
		 * User mode if Linux runs this CPU. One that Linux has not started waits in the
		 * firmware, or in QEMU's boot code, for its wake-up call.
		 */
		const bool not_linux = la_regs_before_linux(w->k, &c->regs);
		const bool marked = c->matched && (!c->online_known || c->online || saved);
		const bool linux_has_it = marked && !not_linux;

		c->state = linux_has_it                                     ? LA_CPU_USER :
			   !marked && la_regs_never_started(w->k, &c->regs) ? LA_CPU_NEVER_STARTED :
									      LA_CPU_FIRMWARE;
		if (not_linux && c->matched && c->online_known && c->online)
			la_cpu_remark(
				w->arena, &c->remark,
				"marked online, and yet Linux has not run on it since its reset");
		c->stack.stop = linux_has_it ? LA_STOP_USER : LA_STOP_NO_REGS;
		memcpy(c->stack.reason, "not in the kernel", sizeof("not in the kernel"));
		if (c->regs.pc_known) {
			c->pc = c->regs.pc;
			c->pc_source = pc_source_of(&c->regs);
		}
		if (!linux_has_it)
			c->task = (struct la_task){ 0 };
		return;
	}
	if (c->regs.pc_known)
		la_unwind(w->k, w->arena, &c->regs, c->matched ? (int)c->cpu : -1, &c->stack);
	else
		la_unwind_cpu(w->k, w->arena, &c->regs, c->matched ? (int)c->cpu : -1, &c->stack);
	find_position(w, c);
	find_state(w, c);
	if (c->online_known && !c->online && !saved && c->state != LA_CPU_STOPPED &&
	    c->state != LA_CPU_KDUMP_STOPPED && c->state != LA_CPU_OFFLINE)
		la_cpu_remark(w->arena, &c->remark, "marked offline, and yet in the kernel");
}

static bool runs_linux(const struct la_cpu *c)
{
	return c->regs.source != LA_REGS_NONE && !c->other && c->state != LA_CPU_FIRMWARE &&
	       c->state != LA_CPU_NEVER_STARTED;
}

/* While Linux runs on one CPU, another that is in the firmware waits to be started by it. */
static void settle_not_started(struct la_cpus *cpus)
{
	bool linux_runs = false;

	for (size_t i = 0; i < cpus->n; i++)
		linux_runs = linux_runs || runs_linux(&cpus->cpu[i]);
	for (size_t i = 0; linux_runs && i < cpus->n; i++) {
		struct la_cpu *c = &cpus->cpu[i];

		if (c->state == LA_CPU_FIRMWARE && !(c->matched && c->online))
			c->state = LA_CPU_NEVER_STARTED;
	}
}

enum la_status la_cpus_analyse_text(const struct la_kernel *k, struct la_arena *arena,
				    const struct la_vcpu_regs *text, size_t n, struct la_cpus *ret,
				    struct la_error *err)
{
	struct work w = { .k = k, .arena = arena, .cpus = ret, .panic_cpu = -1 };
	enum la_status st;
	uint64_t value;

	*ret = (struct la_cpus){ 0 };
	if (la_read_variable(k, "panic_cpu", 4, &value, NULL) == LA_OK && value < k->ncpus)
		w.panic_cpu = (int)value;
	st = collect(&w, text, n, err);
	if (st != LA_OK)
		return st;
	for (size_t i = 0; i < ret->n; i++) {
		analyse_cpu(&w, &ret->cpu[i]);
		la_cpu_find_closed(k, &ret->cpu[i]);
		la_cpu_find_wait(k, arena, &ret->cpu[i]);
		la_cpu_find_pending(k, arena, &ret->cpu[i]);
	}
	la_cpus_find_callers(k, arena, ret);
	settle_not_started(ret);
	la_cpus_find_since(k, ret);
	la_cpus_find_odd(k, arena, ret);
	return LA_OK;
}

enum la_status la_cpus_analyse(const struct la_kernel *k, struct la_arena *arena,
			       struct la_cpus *ret, struct la_error *err)
{
	return la_cpus_analyse_text(k, arena, NULL, 0, ret, err);
}

void la_cpus_add_remark(struct la_arena *arena, struct la_cpus *cpus, const char *text)
{
	la_cpu_remark(arena, &cpus->remark, text);
}

const struct la_cpu *la_cpus_find(const struct la_cpus *cpus, unsigned cpu)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (cpus->cpu[i].cpu == cpu)
			return &cpus->cpu[i];
	return NULL;
}

const struct la_cpu *la_cpus_running(const struct la_cpus *cpus, uint64_t task)
{
	for (size_t i = 0; i < cpus->n; i++)
		if (task && cpus->cpu[i].task.address == task)
			return &cpus->cpu[i];
	return NULL;
}
