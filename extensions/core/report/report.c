// SPDX-License-Identifier: GPL-3.0-or-later
// A dump without crash, with or without a vmlinux.
#include "lakvm/report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/cpu/odd.h"
#include "lakvm/stack/lines.h"
#include "lakvm/stack/cfi.h"
#include "lakvm/triage/other.h"
#include "lakvm/door/vmcoreinfo_door.h"
#include "lakvm/guest/modules.h"
#include "lakvm/guest/vmcoreinfo.h"
#include "lakvm/guest/init.h"

static const char *value_of(const char *text, size_t len, struct la_arena *arena, const char *key)
{
	const char *value;
	size_t n;

	return la_vmcoreinfo_get(text, len, key, &value, &n) && n ? la_strndup(arena, value, n) :
								    NULL;
}

/* "Linux version RELEASE (...": init/version.c */
static const char *release_of(const char *banner, struct la_arena *arena)
{
	return la_strndup(arena, banner + 14, strcspn(banner + 14, " "));
}

/* @from: "note" or "memory" */
static void take_vmcoreinfo(const char *text, size_t len, const char *from, struct la_arena *arena,
			    struct la_report *ret)
{
	ret->vmcoreinfo = text ? from : NULL;
	ret->release = value_of(text, len, arena, "OSRELEASE");
	ret->build_id = value_of(text, len, arena, "BUILD-ID");
}

static void find_kernel(struct la_door *door, struct la_arena *arena, struct la_report *ret)
{
	const char *text;
	size_t len;
	const char *from = "note";

	if (!door->vmcoreinfo && la_vmcoreinfo_find(door, ret->map.range, ret->map.n, arena, &text,
						    &len, &ret->banner, NULL) == LA_OK) {
		from = "memory";
		door->vmcoreinfo = text;
		door->vmcoreinfo_size = len;
	}
	if (door->vmcoreinfo) {
		take_vmcoreinfo(door->vmcoreinfo, door->vmcoreinfo_size, from, arena, ret);
	} else if (ret->banner) {
		ret->release = release_of(ret->banner, arena);
	}
}

/*
 * The exception a CPU took last, if that was in kernel mode and no interrupt. ESTAT, ERA and BADI
 * keep their values until the next one, so in a kernel that died of it and loops in panic() with
 * nothing to interrupt it they still name the cause.
 */
static const char *last_exception(const struct la_kernel *k, const struct la_vcpu_regs *cpu,
				  bool others_have, struct la_arena *arena)
{
	static const char *const bases[] = {
		[LA_BASE_FINE] = "",
		[LA_BASE_NOT_YET] = ", before per-CPU areas existed",
		[LA_BASE_LOST] = ", and its per-CPU base is lost",
		[LA_BASE_UNCLEAR] = ", before per-CPU areas existed or with its per-CPU base lost",
		[LA_BASE_MISSING] = "",
	};
	const struct la_door *door = k->door;
	uint64_t estat, era, prmd, badi;
	char insn[80] = "", name[160] = "";
	struct la_symbol symbol;
	unsigned ecode;

	if (!la_csr_get(&cpu->regs, LA_CSR_ESTAT, &estat) ||
	    !la_csr_get(&cpu->regs, LA_CSR_ERA, &era) ||
	    !la_csr_get(&cpu->regs, LA_CSR_PRMD, &prmd) || prmd & 3)
		return NULL;
	ecode = LA_ESTAT_ECODE(estat);
	if (ecode == LA_ECODE_INT)
		return NULL;
	if (la_csr_get(&cpu->regs, LA_CSR_BADI, &badi) && ecode >= LA_ECODE_BRK)
		la_csr_decode(LA_CSR_BADI, badi, insn, sizeof(insn));
	if (door->symbol_at(door->ctx, era, &symbol))
		snprintf(name, sizeof(name), " (%s+%#" PRIx64 ")", symbol.name, era - symbol.start);
	return la_format(arena, "vCPU %u: the last exception was %s, %s%s%s%s at %" PRIx64 "%s%s",
			 cpu->pid - 1, la_ecode_name(ecode, LA_ESTAT_ESUBCODE(estat)),
			 la_ecode_meaning(ecode, LA_ESTAT_ESUBCODE(estat)), insn[0] ? " (" : "",
			 insn, insn[0] ? ")" : "", era, name,
			 bases[la_regs_base(k, &cpu->regs, others_have)]);
}

static void note_exceptions(const struct la_kernel *k, const struct la_report_options *opt,
			    struct la_arena *arena, struct la_report *ret)
{
	size_t with_base = 0;

	for (size_t i = 0; i < opt->ntext; i++)
		with_base += la_regs_have_base(k, &opt->text[i].regs);
	ret->note = la_alloc_n(arena, opt->ntext, sizeof(*ret->note));
	for (size_t i = 0; ret->note && i < opt->ntext; i++) {
		const bool others_have = with_base > la_regs_have_base(k, &opt->text[i].regs);

		if (la_regs_before_linux(k, &opt->text[i].regs))
			continue; /* the firmware's, or of nobody */
		ret->note[ret->nnotes] = last_exception(k, &opt->text[i], others_have, arena);
		ret->nnotes += ret->note[ret->nnotes] != NULL;
	}
}

/*
 * A note of QEMU has no CSRs that tell. A task of Linux has a tp, and in user mode a stack far above any RAM; firmware has
 * no tp, and a stack at a physical address, or none yet.
 */
static bool note_before_linux(const struct la_kernel *k, const struct la_regs *regs)
{
	const struct la_door *door = k->door;
	uint64_t sp, tp;

	if (regs->source != LA_REGS_NOTE || !la_gpr_get(regs, LA_R_SP, &sp) ||
	    !la_gpr_get(regs, LA_R_TP, &tp) || tp)
		return false;
	for (size_t i = 0; i < door->nram; i++)
		if (sp >= door->ram[i].start && sp < door->ram[i].end)
			return true;
	return !sp;
}

/*
 * Without symbols kernel code cannot be told from any other, and without a dump nothing matches vCPUs
 * to Linux's CPUs: then there is what registers alone prove.
 */
static void correct_states(struct la_report *r, const struct la_kernel *k, bool symbols)
{
	uint64_t crmd;

	for (size_t i = 0; i < r->cpus.n; i++) {
		struct la_cpu *c = &r->cpus.cpu[i];

		if (la_csr_get(&c->regs, LA_CSR_CRMD, &crmd) && (crmd & 3) == 3)
			c->state = LA_CPU_USER;
		else if (la_regs_before_linux(k, &c->regs))
			c->state = la_regs_never_started(k, &c->regs) ? LA_CPU_NEVER_STARTED :
									LA_CPU_FIRMWARE;
		else if (note_before_linux(k, &c->regs))
			c->state = LA_CPU_FIRMWARE;
		else if (!symbols || c->state == LA_CPU_FIRMWARE)
			c->state = LA_CPU_UNKNOWN;
	}
}

/* The page size can be known where the levels are not: VMCOREINFO has it. */
static uint64_t page_size(const struct la_kernel *k)
{
	for (size_t i = 0; i < k->nwitnesses; i++)
		if (k->witness[i].page_shift)
			return UINT64_C(1) << k->witness[i].page_shift;
	return 0;
}

static void describe_layout(const struct la_kernel *k, struct la_arena *arena,
			    struct la_report *ret)
{
	ret->page_size = page_size(k);
	ret->levels = k->mmu.geometry.levels;
	/* Without a vmlinux it is no wonder. */
	if (ret->has_vmlinux && !ret->levels)
		ret->levels_remark = la_geometry_unknown;
	ret->layout_remark = k->geometry_remark[0] ? k->geometry_remark : NULL;
	if (k->vmcoreinfo_remark)
		ret->layout_remark = la_format(arena, "%s%s%s", k->vmcoreinfo_remark,
					       ret->layout_remark ? "; " : "",
					       ret->layout_remark ? ret->layout_remark : "");
	ret->known_by = la_alloc_n(arena, k->nwitnesses, sizeof(*ret->known_by));
	for (size_t i = 0; ret->known_by && i < k->nwitnesses; i++)
		ret->known_by[ret->nknown_by++] = k->witness[i].name;
}

/* What the dump has is another kernel's. */
static void replace_vmcoreinfo(const struct la_kernel *k, struct la_arena *arena,
			       struct la_report *ret)
{
	uint64_t at;
	char *banner;

	take_vmcoreinfo(k->vmcoreinfo, k->vmcoreinfo_len, "memory", arena, ret);
	if (!ret->release && k->door->symbol(k->door->ctx, "linux_banner", &at) &&
	    la_read_text(k, arena, at, 512, &banner, NULL) == LA_OK &&
	    !strncmp(banner, "Linux version ", 14))
		ret->release = release_of(banner, arena);
}

/* What crash takes out of the dump when it starts. */
static void read_modules(const struct la_kernel *k, struct la_elf_door *vmlinux,
			 struct la_arena *arena, struct la_report *ret)
{
	struct la_modules *modules = la_alloc(arena, sizeof(*modules));
	struct la_error err = { "" };

	if (modules && la_modules_read(k, arena, modules, &err) == LA_OK)
		la_elf_door_set_modules(vmlinux, modules);
	else if (err.text[0])
		ret->modules_remark = la_format(arena, "%s", err.text);
	if (modules && modules->remark)
		ret->modules_remark = modules->remark;
}

static void analyse_panic(const struct la_kernel *k, const struct la_report_options *opt,
			  enum la_status lines, struct la_arena *arena, struct la_report *ret)
{
	la_panic_analyse(k, arena, ret->cpus_reason ? NULL : &ret->cpus, &ret->panic);
	if (lines == LA_NOMEM)
		la_panic_lack_lines(&ret->panic);
	else if (opt->lines)
		la_panic_lines(k, arena, &ret->panic);
}

static void add_lines(const struct la_kernel *k, struct la_arena *arena, enum la_status lines,
		      struct la_cpus *cpus)
{
	const struct la_cpus *with_lines =
		lines == LA_NOMEM ? NULL : la_cpus_lines(k, arena, cpus, NULL, 0);

	if (with_lines)
		*cpus = *with_lines;
	else
		la_cpus_add_remark(arena, cpus, "source positions: out of memory");
}

static enum la_status analyse(const struct la_door *door, struct la_elf_door *vmlinux,
			      const struct la_report_options *opt, struct la_arena *arena,
			      struct la_report *ret, struct la_error *fatal)
{
	struct la_kernel *k = la_alloc(arena, sizeof(*k));
	enum la_status lines = LA_ABSENT;
	struct la_error err = { "" };

	if (!k)
		return la_fail(fatal, LA_NOMEM, "report");
	/* What it lacks is missed where it is needed, and said there. */
	la_kernel_init(k, door, arena, NULL);
	if (k->vmcoreinfo_remark)
		replace_vmcoreinfo(k, arena, ret);
	if (ret->has_vmlinux)
		k->place = &ret->relocation;
	k->host = opt->host;
	la_kernel_use_registers(k, opt->text, opt->ntext);
	/* Without memory for it, guessed stacks would look as if nothing better was to be had. */
	if (la_cfi_open(k, fatal) == LA_NOMEM)
		return LA_NOMEM;
	la_error_clear(fatal);
	la_vectors_open(k, arena);
	if (opt->lines)
		lines = la_lines_open(k, NULL);
	if (door->vmlinux && ret->has_dump)
		read_modules(k, vmlinux, arena, ret);
	if (!door->vmlinux || !ret->has_dump)
		k->ncpus = 0; /* nothing tells how many there are: only the vCPUs of the notes */
	ret->kernel = k;
	describe_layout(k, arena, ret);
	ret->has_sections = ret->has_dump && (ret->vmcoreinfo || door->vmlinux);
	if (ret->has_sections)
		la_sections_init(&ret->sections, k, NULL);
	if (la_cpus_analyse_text(k, arena, opt->text, opt->ntext, &ret->cpus, &err) != LA_OK)
		ret->cpus_reason = la_format(arena, "%s", err.text);
	if (!door->vmlinux || !ret->has_dump)
		correct_states(ret, k, door->vmlinux != NULL);
	if (!ret->has_dump)
		ret->cpus.remark = NULL; /* it would say that there is no dump */
	la_cpus_add_remark(arena, &ret->cpus, opt->text_remark);
	if (opt->panic)
		analyse_panic(k, opt, lines, arena, ret);
	else if (opt->lines)
		add_lines(k, arena, lines, &ret->cpus);
	note_exceptions(k, opt, arena, ret);
	la_error_clear(&err);
	if (opt->log && la_log_read(k, arena, &ret->log, &err) != LA_OK)
		ret->log_reason =
			la_format(arena, "%s%s", err.text,
				  door->vmlinux ? "" : " (a vmlinux would tell where it is)");
	if (vmlinux && la_elf_door_exhausted(vmlinux))
		return la_fail(fatal, LA_NOMEM, "types of vmlinux");
	return LA_OK;
}

enum la_status la_report_make(struct la_dump *dump, struct la_elf_door *vmlinux,
			      const struct la_report_options *opt, struct la_arena *arena,
			      struct la_report *ret, struct la_error *err)
{
	struct la_vmcoreinfo_door *alone = la_alloc(arena, sizeof(*alone));
	struct la_relocation_search where;
	const struct la_door *door;
	enum la_status status;

	*ret = (struct la_report){ .has_dump = dump != NULL, .has_vmlinux = vmlinux != NULL };
	if (!alone)
		return la_fail(err, LA_NOMEM, "report");
	la_vmcoreinfo_door_init(alone, dump);
	if (dump) {
		status = la_mem_map(dump, arena, &ret->map, err);
		if (status != LA_OK)
			return status;
		find_kernel(&alone->door, arena, ret);
	}
	alone->door.ram = ret->map.range;
	alone->door.nram = ret->map.n;
	alone->door.overrides = &opt->said;
	door = &alone->door;
	/* The cells tell better than the ranges where there are bytes. */
	where = (struct la_relocation_search){ .ram = ret->map.cell,
					       .nram = ret->map.ncells,
					       .progress = opt->progress,
					       .ctx = opt->ctx };
	if (vmlinux && la_relocation_find(la_elf_door(vmlinux), &where, opt->text, opt->ntext,
					  arena, &ret->relocation, err) == LA_OK) {
		la_elf_door_relocate(vmlinux, ret->relocation.offset);
		la_elf_door_set_guest(vmlinux, ret->map.range, ret->map.n, &opt->said);
		door = la_elf_door(vmlinux);
	}
	for (size_t i = 0; i < ret->relocation.nothers; i++)
		ret->other[i] = la_other_kernel_text(la_elf_door(vmlinux),
						     &ret->relocation.other[i], arena);
	la_error_clear(err);
	return analyse(door, vmlinux, opt, arena, ret, err);
}

void la_report_picture(struct la_report *r, struct la_arena *arena)
{
	const struct la_cpus *cpus = r->panic.cpus;

	if (r->kernel->lines && cpus)
		cpus = la_cpus_lines(r->kernel, arena, cpus, NULL, 0);
	if (cpus)
		r->panic.cpus = cpus;
	if (r->has_sections && r->relocation.known)
		la_mem_usage(r->kernel, &r->sections, &r->map, arena, &r->usage);
	else
		r->usage.reason = "the kernel that vmlinux describes is not found in the dump";
}

void la_report_close(struct la_report *r)
{
	if (!r->kernel)
		return;
	la_cfi_close(r->kernel);
	la_lines_close(r->kernel);
}
