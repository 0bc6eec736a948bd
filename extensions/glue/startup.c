// SPDX-License-Identifier: GPL-3.0-or-later
// Crash's start-up, corrected. crash dies on these dumps before it would load an extension, but
// `crash --minimal` stops in front of the steps that die, and loads extensions: here its wrong
// values are repaired first and the steps it left out are then run in its own order (main_loop()
// in main.c).
#include "crash.h"
#include "glue.h"

#include <dlfcn.h>

#include "lakvm/base/escape.h"
#include "lakvm/dump/dump.h"
#include "lakvm/isa/regs.h"
#include "lakvm/guest/vmcoreinfo.h"
#include "lakvm/guest/init.h"

/* The steps parse lines of their own with crash's global argument vector, in which cmd_extend
 * goes on looking for its next argument. */
struct arguments {
	char *args[MAXARGS];
	char line[BUFSIZE], orig_line[BUFSIZE];
	int argcnt, optind, argerrs;
};

static struct {
	void (*arch_init)(int); /* crash's */
	char table[3][65536];   /* one page of each table level, of the largest size */
	struct arguments saved;
} here;

/* --- values that crash takes from the wrong place --- */

/* crash takes the page size from the dump's block size (memory.c, memory_page_size); QEMU writes
 * 4096 there whatever the guest has. Everything below is derived from it in loongarch64_init(). */
static void repair_page_size(const struct la_geometry *g)
{
	const uint size = 1u << g->page_shift;

	REPAIR("page size", machdep->pagesize, size);
	REPAIR("page shift", machdep->pageshift, g->page_shift);
	REPAIR("page offset mask", machdep->pageoffset, (ulong)size - 1);
	REPAIR("page mask", machdep->pagemask, ~((ulonglong)size - 1));
	REPAIR("pgd buffer", machdep->pgd, here.table[0]);
	REPAIR("pmd buffer", machdep->pmd, here.table[1]);
	REPAIR("pte buffer", machdep->ptbl, here.table[2]);
	REPAIR("entries of a pgd", machdep->ptrs_per_pgd, (int)(size / 8));
	/* 16 KiB for every page size (asm/thread_info.h); crash guesses from the page size. */
	REPAIR("kernel stack size", machdep->stacksize, (ulong)LA_THREAD_SIZE);
}

/* --- VMCOREINFO: QEMU's dumps carry none, the guest's memory does --- */

/* pc->read_vmcoreinfo: a malloc'ed copy of the value, or NULL. */
static char *read_vmcoreinfo_hook(const char *key)
{
	struct la_kernel *kernel = session_kernel(NULL);
	const char *value;
	size_t n;

	return kernel && la_vmcoreinfo_get(kernel->vmcoreinfo, kernel->vmcoreinfo_len, key, &value,
					   &n) ?
		       strndup(value, n) :
		       NULL;
}

/* panic() marks the CPUs it stops offline; crash counts online CPUs only (loongarch64.c). */
static int get_smp_cpus_hook(void)
{
	const int present = get_highest_cpu_present() + 1;

	return present > 0 ? present : 1;
}

/* crash knows 28 only (defs.h, _SECTION_SIZE_BITS). */
static void repair_section_bits(void)
{
	const struct la_sections *sections = session_sections_known();

	if (!sections)
		return;
	REPAIR("memory section size", machdep->section_size_bits, (ulong)sections->size_bits);
	REPAIR("physical address bits", machdep->max_physmem_bits, (ulong)sections->physmem_bits);
	if (sections->remark[0])
		error(WARNING, "lakvm: %s\n", sections->remark);
}

static bool notes_are_qemu(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = stack_memory();
	struct la_vcpu_regs *note;
	size_t n = 0;

	if (kernel && arena && kernel->door->notes)
		la_notes_regs(arena, kernel->door->notes, kernel->door->notes_size, &note, &n,
			      NULL);
	const bool qemu = n && note[0].regs.source == LA_REGS_NOTE;
	stack_memory_free();
	return qemu;
}

void startup_repair(void)
{
	struct la_kernel *kernel = session_kernel(NULL);

	if (kernel && kernel->mmu.geometry.levels)
		repair_page_size(&kernel->mmu.geometry);
	else if (kernel)
		error(WARNING, "lakvm: %s\n", la_geometry_unknown);
	if (kernel && kernel->vmcoreinfo_remark) {
		char text[512];

		la_text_escape(kernel->vmcoreinfo_remark, false, text, sizeof(text));
		error(WARNING, "lakvm: %s\n", text);
	}
	if (kernel && kernel->geometry_remark[0])
		error(WARNING, "lakvm: %s\n", kernel->geometry_remark);
	reader_install();
	translate_install();
	backtrace_install();
	gdb_registers_install();
	kmem_install();
	log_install();
	read_reason_install();
	ranges_install();
	numbers_install();
	if (notes_are_qemu()) {
		/* Else task_init() takes kdump's per-CPU notes for the missing ones and warns (map_cpus_to_
		 * prstatus). crash knows QEMU by a "QEMU" note, which its LoongArch dumps lack. */
		repair_bits("dump made by QEMU", &pc->flags2, 0,
			    DISKDUMP_DUMPFILE() ? QEMU_MEM_DUMP_COMPRESSED : QEMU_MEM_DUMP_ELF);
	}
	REPAIR("VMCOREINFO", pc->read_vmcoreinfo, read_vmcoreinfo_hook);
	REPAIR("number of CPUs", machdep->get_smp_cpus, get_smp_cpus_hook);
}

/* --- the steps of main_loop() that minimal mode leaves out, and what prepares them --- */

static void step_config(void)
{
	read_in_kernel_config(IKCFG_INIT);
}

static void step_machdep(void)
{
	here.arch_init(POST_GDB);
	repair_section_bits();
}

/* What help -r shows: the registers in the dump's notes. */
static void step_notes(void)
{
	claims_notes();
	here.arch_init(POST_VM);
}

static void step_modules(void)
{
	claims_modules();
	module_init();
}

static void step_task(void)
{
	/* Else crash looks for a panicking task with "foreach bt"; ours is set below. */
	tt->flags |= PANIC_TASK_NOT_FOUND;
	claims_tasks();
	task_init();
	claims_settle_tasks();
}

static void step_end(void)
{
	here.arch_init(POST_INIT);
}

/* How often one step is run again. */
#define MAX_STAND_INS 16

static const struct step {
	const char *name;
	void (*run)(void);
	bool repeatable;  /* can be run again when it was left halfway */
	bool needed;      /* without it the later steps would work on nothing */
	const char *lost; /* what does not work if it fails */
} steps[] = {
	{ "kernel configuration", step_config, false, false, "sys config" },
	{ "kernel_init", kernel_init, false, true, "everything but lakvm's own commands" },
	{ "machdep_init", step_machdep, false, true, "everything but lakvm's own commands" },
	{ "memory sections", sections_prepare, false, false, "kmem -p and the like" },
	{ "vm_init", vm_init, true, false, "kmem, and struct page" },
	{ "machdep_init, notes", step_notes, false, false, "help -r" },
	{ "module_init", step_modules, false, false, "mod, and symbols of modules" },
	{ "help_init", help_init, false, false, "help" },
	{ "task_init", step_task, false, true, "ps, bt, and all that works on tasks" },
	{ "vfs_init", vfs_init, false, false, "files, mount" },
	{ "net_init", net_init, false, false, "net" },
	{ "dev_init", dev_init, false, false, "dev" },
	{ "machdep_init, end", step_end, false, false, "mach" },
};

static void run_step(void *arg)
{
	((const struct step *)arg)->run();
}

/*
 * A step was left because crash could not read a variable of the kernel's, whose value crash then still
 * has as zero. False: it was left for another reason.
 */
static bool stand_in(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	uint64_t pa, address, start, end;
	struct la_symbol symbol;
	char name[128];
	size_t len;

	if (!kernel || !read_reason_physical(&pa, &len) || len > sizeof(ulong) ||
	    !kernel->door->symbol(kernel->door->ctx, "_sdata", &start) ||
	    !kernel->door->symbol(kernel->door->ctx, "_end", &end))
		return false;
	address = start - (start & LA_PHYS_MASK) + pa;
	if (address < start || address >= end ||
	    !kernel->door->symbol_at(kernel->door->ctx, address, &symbol) ||
	    !overlay_add(pa, len, true))
		return false;
	la_text_escape(symbol.name, false, name, sizeof(name));
	error(WARNING, "lakvm: %s cannot be read: crash starts as if it were 0\n", name);
	return true;
}

static bool run_through(const struct step *step)
{
	for (int left = step->repeatable ? MAX_STAND_INS : 0;; left--) {
		read_reason_forget();
		if (guard_run(run_step, (void *)step))
			return true;
		if (!left || !stand_in())
			return false;
	}
}

/* vm_init() left half done would let kmem walk a table that is not there (nr_to_section). */
static void mend_sections(void)
{
	void **roots;

	if (vt->mem_sec || !machdep->section_size_bits || !machdep->max_physmem_bits)
		return;
	if (!machdep->sections_per_root)
		machdep->sections_per_root = 1;
	roots = calloc(NR_SECTION_ROOTS(), sizeof(*roots));
	if (!vt->mem_section)
		vt->mem_section = calloc(1, 64);
	vt->mem_sec = roots;
}

/* The task that panicked, and the active task of each CPU, as crash's own search would set them. */
static void set_panic_task(void)
{
	const struct la_cpus *cpus = session_cpus(NULL);
	struct task_context *context;

	for (int i = 0; tt->active_set && i < kt->cpus && i < NR_CPUS; i++)
		tt->panic_threads[i] = tt->active_set[i];
	for (size_t i = 0; cpus && i < cpus->n; i++) {
		if (cpus->cpu[i].state != LA_CPU_PANICKING)
			continue;
		context = task_to_context(cpus->cpu[i].task.address);
		if (!context)
			continue;
		tt->flags &= ~PANIC_TASK_NOT_FOUND;
		tt->panic_task = context->task;
		tt->panic_processor = context->processor;
		tt->current = context;
		return;
	}
}

/* After "extend -u" crash has what its start found, but for entries of sections that only we had. */
static void resume(void *unused)
{
	(void)unused;
	sections_prepare();
}

static bool run_steps(void)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (run_through(&steps[i])) {
			if (steps[i].run == vm_init)
				mend_sections();
			continue;
		}
		error(WARNING, "lakvm: start-up step \"%s\" failed; not working now: %s\n",
		      steps[i].name, steps[i].lost);
		mend_sections();
		if (steps[i].needed)
			return false;
	}
	set_panic_task();
	return true;
}

/* crash would read another kernel's tables for this one's, and go round in lists that do not end here. */
static bool is_relocated(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_error err = { "" };

	if (!kernel || la_relocated(kernel, &err) == LA_OK)
		return true;
	error(WARNING,
	      "lakvm: %s: crash would start with another kernel's tables, and shows that one's log\n",
	      err.text);
	return false;
}

static void banner(void *unused)
{
	(void)unused;
	fprintf(fp, "\n");
	display_sys_stats();
	show_context(CURRENT_CONTEXT());
	fprintf(fp, "\n");
}

static void arguments_save(struct arguments *a)
{
	memcpy(a->args, args, sizeof(a->args));
	memcpy(a->line, pc->command_line, sizeof(a->line));
	memcpy(a->orig_line, pc->orig_line, sizeof(a->orig_line));
	a->argcnt = argcnt;
	a->optind = optind;
	a->argerrs = argerrs;
}

static void arguments_restore(const struct arguments *a)
{
	memcpy(args, a->args, sizeof(a->args));
	memcpy(pc->command_line, a->line, sizeof(a->line));
	memcpy(pc->orig_line, a->orig_line, sizeof(a->orig_line));
	argcnt = a->argcnt;
	optind = a->optind;
	argerrs = a->argerrs;
}

void startup_adopt(void)
{
	const int present = get_smp_cpus_hook();

	repair_section_bits();
	ranges_adopt();
	gdb_registers_ask_again();
	if (kt->cpus < present)
		error(NOTE,
		      "lakvm: crash started this session by itself and counts %d of %d CPUs; lacrash starts one in which all is right\n",
		      kt->cpus, present);
}

void startup_promote(void)
{
	/* After "extend -u" a second load finds crash's tables already filled in. */
	const bool started = tt->flags & TASK_INIT_DONE;
	bool full;

	*(void **)&here.arch_init = dlsym(RTLD_DEFAULT, "loongarch64_init");
	arguments_save(&here.saved);
	/* Before the steps: task_init() defines aliases of commands that minimal mode hides. */
	repair_bits("minimal mode", &pc->flags, MINIMAL_MODE, 0);
	if (started)
		guard_run(resume, NULL);
	net_spread();
	full = started || (is_relocated() && run_steps());
	overlay_drop_startup();
	if (!full) {
		pc->flags |= MINIMAL_MODE;
		error(NOTE, "lakvm: this session stays minimal; lapanic and lacpus still work\n");
	} else if (!started) {
		gdb_registers_ask_again();
		if (!(pc->flags & SILENT))
			guard_run(banner, NULL);
	}
	arguments_restore(&here.saved);
}
