// SPDX-License-Identifier: GPL-3.0-or-later
// How far the guest came with its boot: is a kernel in memory at all, what does it say of its state, of its command
// line, of its consoles and of the CPU that it found.
#include <inttypes.h>
#include <string.h>

#include "collect.h"
#include "cpu/priv.h"
#include "lakvm/guest/relocation.h"

#define PROBES 16
#define PROBE_SIZE 64
#define MAX_CONSOLES 16
#define CON_ENABLED 4 /* include/linux/console.h */

/* --- is it there? --- */

/* Does memory have at @va what vmlinux has there? False too where one of them cannot tell; *@ret_read: both can. */
static bool as_in_file(const struct la_kernel *k, uint64_t va, unsigned *ret_read)
{
	unsigned char file[PROBE_SIZE], memory[PROBE_SIZE];
	const struct la_door *door = k->door;

	if (door->file_bytes(door->ctx, va, file, sizeof(file)) != sizeof(file) ||
	    la_read(k, va, memory, sizeof(memory), NULL) != LA_OK)
		return false;
	++*ret_read;
	return !memcmp(file, memory, sizeof(file));
}

/*
 * Text is patched while the kernel runs, a piece here and there: one of the places that is as in the file proves that
 * the kernel is there. Why it is not; NULL: it is, or nobody can tell.
 */
static const char *find_absent(const struct la_kernel *k, struct la_arena *arena)
{
	const struct la_door *door = k->door;
	uint64_t start, end, banner;
	unsigned read = 0;

	if (!door->file_bytes || !door->symbol(door->ctx, "_stext", &start) ||
	    !door->symbol(door->ctx, "_etext", &end) || end <= start ||
	    !door->symbol(door->ctx, "linux_banner", &banner))
		return NULL;
	if (as_in_file(k, banner, &read))
		return NULL;
	for (unsigned i = 0; i < PROBES; i++)
		if (as_in_file(k, start + ((end - start) / PROBES * i & ~UINT64_C(7)), &read))
			return NULL;
	if (!read)
		return NULL;
	return la_format(
		arena,
		"memory does not have this vmlinux's kernel at %#" PRIx64
		": it was not loaded yet, or moved itself to where nothing in the dump tells, or is another",
		start);
}

/* Without its vmlinux the log is found by the VMCOREINFO that the guest has, which tells of the kernel that wrote it. */
static bool speaks_for_itself(const struct la_kernel *k)
{
	return !k->door->vmlinux && k->vmcoreinfo && !k->place->nothers;
}

/*
 * A kernel that moves itself leaves a copy behind, with its banner and all text, in which nothing ever happened. Where
 * no more than a banner tells the place, and no register leads there, that may be what was found.
 */
static const char *find_doubt(const struct la_kernel *k, struct la_arena *arena)
{
	const struct la_relocation *r = k->place;

	bool banner = false;

	if (!r || r->proved)
		return NULL;
	if (!r->known)
		return r->remark[0] && !speaks_for_itself(k) ?
			       la_format(arena, "where the kernel is: %s", r->remark) :
			       NULL;
	for (size_t i = 0; i < r->n; i++) {
		if (r->finding[i].offset != r->offset)
			continue;
		if (r->finding[i].way != LA_RELOCATION_BANNER)
			return NULL;
		banner = true;
	}
	if (!banner) /* a person said so */
		return NULL;
	return la_format(
		arena,
		"only a banner says that the kernel is at offset %#" PRIx64
		": it may be the copy that one which moved itself has left behind, and nothing of it is believed",
		r->offset);
}

/* --- what it says --- */

static char *read_string(const struct la_kernel *k, struct la_arena *arena, uint64_t va)
{
	char *text;

	return la_read_text(k, arena, va, 4096, &text, NULL) == LA_OK && text[0] ? text : NULL;
}

/* saved_command_line is allocated when setup_arch() is done; before there is what that was given. */
static const char *find_command_line(const struct la_kernel *k, struct la_arena *arena)
{
	const struct la_door *door = k->door;
	uint64_t at;
	const char *text = NULL;

	if (la_read_variable(k, "saved_command_line", 8, &at, NULL) == LA_OK && at)
		text = read_string(k, arena, at);
	if (!text && door->symbol(door->ctx, "boot_command_line", &at))
		text = read_string(k, arena, at);
	return text;
}

/* The list of consoles: since 6.2 an hlist (console.node), before linked by console.next. */
static const char *find_consoles(const struct la_kernel *k, struct la_arena *arena)
{
	const struct la_door *door = k->door;
	struct la_member link, name, index;
	uint64_t head, at, flags, number;
	const char *list = "";
	const bool in_hlist = door->member(door->ctx, "console", "node", &link);

	if ((!in_hlist && !door->member(door->ctx, "console", "next", &link)) ||
	    !door->member(door->ctx, "console", "name", &name) || name.size > 64 ||
	    !door->member(door->ctx, "console", "index", &index) ||
	    !(door->symbol(door->ctx, "console_list", &head) ||
	      door->symbol(door->ctx, "console_drivers", &head)) ||
	    la_read_u64(k, head, &at, NULL) != LA_OK)
		return NULL;
	for (unsigned i = 0; at && i < MAX_CONSOLES; i++) {
		const uint64_t console = in_hlist ? at - link.offset : at;
		char *text;

		if (la_read_text(k, arena, console + name.offset, name.size, &text, NULL) !=
			    LA_OK ||
		    la_read_member(k, console, "console", "flags", &flags, NULL) != LA_OK ||
		    la_read_member(k, console, "console", "index", &number, NULL) != LA_OK)
			return NULL;
		if (flags & CON_ENABLED)
			list = la_format(arena, "%s%s%s%d", list, *list ? ", " : "", text,
					 (int16_t)number);
		if (!list || la_read_u64(k, console + link.offset, &at, NULL) != LA_OK)
			return NULL;
	}
	return list;
}

/* The initcall that this stack is in: whom do_one_initcall() called. */
static const char *initcall_of(const struct la_stack *stack)
{
	for (size_t i = 1; i < stack->n; i++)
		if (la_is_function(stack->frame[i].symbol, "do_one_initcall"))
			return stack->frame[i - 1].symbol;
	return NULL;
}

/* The CPU that boots: the one that runs init's initcalls, else the first. */
static void find_boot_cpu(struct la_triage *t)
{
	const struct la_cpus *cpus = t->cpus;

	for (size_t i = 0; cpus && i < cpus->n; i++) {
		const char *initcall = initcall_of(&cpus->cpu[i].stack);

		if (initcall && !t->boot.initcall) {
			t->boot.initcall = initcall;
			t->boot.cpu = &cpus->cpu[i];
		}
	}
	if (!t->boot.cpu && cpus && cpus->n && cpus->cpu[0].matched)
		t->boot.cpu = &cpus->cpu[0];
}

/* saved_root_name of init/do_mounts.c, which is gone with the kernel's init memory. */
static const char *find_root(const struct la_kernel *k, struct la_arena *arena)
{
	uint64_t at;

	return k->door->symbol(k->door->ctx, "saved_root_name", &at) ? read_string(k, arena, at) :
								       NULL;
}

struct starter {
	const struct la_kernel *k;
	struct la_task task;
	bool found;
};

static bool is_starter(void *ctx, uint64_t task)
{
	struct starter *s = ctx;

	la_task_read(s->k, task, &s->task);
	s->found = s->task.pid_known && s->task.pid == 1;
	return !s->found;
}

/* The task that runs the initcalls and looks for root and init; where it sleeps, no CPU tells. */
static void find_starter(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	struct starter s = { .k = k };
	struct la_stack *stack;
	struct la_regs regs;

	la_tasks_each(k, is_starter, &s, NULL);
	if (!s.found || (t->cpus && la_cpus_running(t->cpus, s.task.address)) ||
	    la_task_regs(k, s.task.address, &regs, NULL) != LA_OK ||
	    !(stack = la_alloc(arena, sizeof(*stack))))
		return;
	la_unwind(k, arena, &regs, -1, stack);
	t->boot.starter = s.task;
	t->boot.starts = stack;
	if (!t->boot.initcall)
		t->boot.initcall = initcall_of(stack);
}

/* The youngest clock of the run queues: each tick looks at it. */
static void find_now(const struct la_kernel *k, struct la_triage *t)
{
	const struct la_cpus *cpus = t->cpus;
	uint64_t rq, clock;

	for (size_t i = 0; cpus && i < cpus->n; i++) {
		if (!cpus->cpu[i].matched ||
		    la_percpu(k, "runqueues", cpus->cpu[i].cpu, &rq, NULL) != LA_OK ||
		    la_read_member(k, rq, "rq", "clock", &clock, NULL) != LA_OK)
			continue;
		t->boot.now_known = t->boot.now_known || clock;
		if (clock > t->boot.now_ns)
			t->boot.now_ns = clock;
	}
}

static void find_processor(const struct la_kernel *k, struct la_triage *t)
{
	uint64_t at;

	t->boot.processor_known = k->door->symbol(k->door->ctx, "cpu_data", &at) &&
				  la_read_member(k, at, "cpuinfo_loongarch", "processor_id",
						 &t->boot.processor, NULL) == LA_OK;
}

void la_triage_boot(const struct la_kernel *k, struct la_arena *arena, struct la_triage *t)
{
	struct la_boot *b = &t->boot;
	int64_t running;

	b->absent = find_absent(k, arena);
	b->proved_absent = b->absent;
	if (!b->absent)
		b->absent = find_doubt(k, arena);
	for (size_t i = 0; t->cpus && i < t->cpus->n; i++)
		b->not_started += t->cpus->cpu[i].state == LA_CPU_NEVER_STARTED;
	if (b->absent)
		return;
	if (!k->door->enumerator || !k->door->enumerator(k->door->ctx, "SYSTEM_RUNNING", &running))
		running = 3; /* since 5.15; before, there was no SYSTEM_FREEING_INITMEM */
	b->running = (uint64_t)running;
	b->state_known = la_read_variable(k, "system_state", 4, &b->state, NULL) == LA_OK;
	b->booting = b->state_known && b->state < (uint64_t)running;
	b->command_line = find_command_line(k, arena);
	b->consoles = find_consoles(k, arena);
	find_boot_cpu(t);
	if (b->booting) {
		b->root = find_root(k, arena);
		find_starter(k, arena, t);
	}
	find_now(k, t);
	find_processor(k, t);
}
