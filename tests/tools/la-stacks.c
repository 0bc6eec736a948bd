// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Print the stacks of a dump with the core alone: every vCPU, and with -t every task that is not
 * running. For comparing with gdb (tests/tools/compare.py) on any machine.
 *
 *   la-stacks [-k RELOCATION] [-r FILE] [-t] [-C] [-O] VMLINUX DUMP
 *
 * -r names saved "info registers -a", which has the exact pcs; without it they are found.
 * -C leaves call-frame information out, -O the ORC tables, to see what the other methods find.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/cpus.h"
#include "lakvm/elf_door.h"
#include "lakvm/regs_text.h"

#define MAX_TASKS 100000

static void print_stack(const struct la_stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct la_frame *f = &s->frame[i];

		printf("#%zu ", i);
		if (f->pc_known)
			printf("0x%" PRIx64 " ", f->pc);
		else
			printf("- ");
		printf("%s", f->symbol ? f->symbol : "?");
		if (f->pc_known && f->symbol)
			printf("+%" PRIu64, f->offset);
		printf(" sp=0x%" PRIx64 " %s %s\n", f->sp, la_method_name(f->method),
		       f->verified ? "verified" : "unverified");
	}
	printf("stop: %s (%s) %s\n\n", la_stop_name(s->stop), s->reason,
	       s->verified ? "verified" : "unverified");
}

static struct la_note_regs *read_text(struct la_arena *arena, const char *path, size_t *ret_n)
{
	struct la_note_regs *regs = NULL;
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	struct la_error err = { "" };

	if (!file) {
		perror(path);
		exit(99);
	}
	if (la_regs_text(arena, text, fread(text, 1, sizeof(text), file), &regs, ret_n, &err) != LA_OK)
		fprintf(stderr, "%s: %s\n", path, err.text);
	fclose(file);
	return regs;
}

static void print_cpus(const struct la_kernel *k, struct la_arena *arena, const char *saved)
{
	struct la_note_regs *notes = NULL;
	struct la_error err = { "" };
	size_t n = 0;

	if (saved)
		notes = read_text(arena, saved, &n);
	else if (la_notes_regs(arena, k->door->notes, k->door->notes_size, &notes, &n, &err) != LA_OK)
		fprintf(stderr, "%s\n", err.text);
	for (size_t i = 0; i < n; i++) {
		struct la_regs *regs = &notes[i].regs;
		struct la_stack stack;
		int cpu = -1;

		for (unsigned c = 0; k->percpu && c < k->ncpus; c++)
			if (k->percpu[c] == regs->gpr[LA_R_U0])
				cpu = (int)c;
		la_unwind_cpu(k, arena, regs, cpu, &stack);
		printf("CPU %u linux %d\n", notes[i].pid - 1, cpu);
		print_stack(&stack);
	}
}

static void print_tasks(const struct la_kernel *k, struct la_arena *arena)
{
	struct la_member tasks;
	uint64_t init, at;

	if (!k->door->symbol(k->door->ctx, "init_task", &init) ||
	    !k->door->member(k->door->ctx, "task_struct", "tasks", &tasks))
		return;
	at = init;
	for (unsigned i = 0; i < MAX_TASKS; i++) {
		struct la_task task;
		struct la_regs regs;
		struct la_stack stack;
		uint64_t on_cpu = 0;

		la_task_read(k, at, &task);
		la_read_member(k, at, "task_struct", "on_cpu", &on_cpu, NULL);
		if (!on_cpu && la_task_regs(k, at, &regs, NULL) == LA_OK) {
			la_unwind(k, arena, &regs, -1, &stack);
			printf("TASK 0x%" PRIx64 " %d %s\n", at, task.pid, task.comm);
			print_stack(&stack);
		}
		if (la_read_u64(k, at + tasks.offset, &at, NULL) != LA_OK)
			break;
		at -= tasks.offset;
		if (at == init)
			break;
	}
}

static bool (*whole_symbol)(void *ctx, const char *name, uint64_t *ret);

static bool symbol_without_orc(void *ctx, const char *name, uint64_t *ret)
{
	return strcmp(name, "__start_orc_unwind_ip") && whole_symbol(ctx, name, ret);
}

int main(int argc, char **argv)
{
	struct la_arena *arena = la_arena_new(256u << 20);
	const char *saved = NULL;
	uint64_t relocation = 0;
	struct la_error err = { "" };
	struct la_kernel k;
	struct la_elf_door *v;
	struct la_dump *dump;
	bool tasks = false, with_cfi = true, with_orc = true;
	struct la_door door;
	int c;

	while ((c = getopt(argc, argv, "k:r:tCO")) != -1) {
		if (c == 'k')
			relocation = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			saved = optarg;
		else if (c == 't')
			tasks = true;
		else if (c == 'C')
			with_cfi = false;
		else if (c == 'O')
			with_orc = false;
		else
			return 99;
	}
	if (argc - optind != 2 || !arena) {
		fprintf(stderr, "usage: la-stacks [-k RELOCATION] [-r FILE] [-t] [-C] [-O] VMLINUX DUMP\n");
		return 99;
	}
	if (la_dump_open(&dump, (const char *const *)argv + optind + 1, 1, NULL, &err) != LA_OK ||
	    la_elf_door_open(&v, argv[optind], dump, arena, &err) != LA_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	la_elf_door_relocate(v, relocation);
	door = *la_elf_door(v);
	whole_symbol = door.symbol;
	if (!with_orc)
		door.symbol = symbol_without_orc;
	if (la_kernel_init(&k, &door, arena, &err) != LA_OK)
		fprintf(stderr, "%s\n", err.text);
	if (with_cfi && la_cfi_open(&k, &err) != LA_OK)
		fprintf(stderr, "%s\n", err.text);
	print_cpus(&k, arena, saved);
	if (tasks)
		print_tasks(&k, arena);
	la_cfi_close(&k);
	la_elf_door_close(v);
	la_dump_close(dump);
	la_arena_free(arena);
	return 0;
}
