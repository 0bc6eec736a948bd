// SPDX-License-Identifier: GPL-3.0-or-later
// Print the stacks of a dump with the core alone: every vCPU, or with -t the tasks that gdb's list
// names. For comparing with gdb (tests/tools/compare.py) on any machine.
//
//   la-stacks [-k RELOCATION] [-r FILE] [-t TASKS] [-C] [-O] VMLINUX DUMP
//
// -r names saved "info registers -a", which has the exact pcs; without it they are found.
// Functions that were inlined are printed below the frame they are in, innermost first.
// -C leaves call-frame information out, -O the ORC tables, to see what the other methods find.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/cpu/cpus.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/stack/lines.h"
#include "lakvm/stack/cfi.h"
#include "lakvm/regs/text.h"
#include "lakvm/guest/init.h"
#include "lakvm/guest/modules.h"
#include "lakvm/dump/dump.h"

static void print_stack(const struct la_kernel *k, const struct la_stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct la_frame *f = &s->frame[i];
		const struct la_lines_at *at = la_lines_find(k, f->code);

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
		for (size_t j = 0; at && j < at->n; j++)
			printf("inline %s\n", at->inlined[j].function);
	}
	printf("stop: %s (%s) %s\n\n", la_stop_name(s->stop), s->reason,
	       s->verified ? "verified" : "unverified");
}

static void print_cpus(const struct la_kernel *k, struct la_arena *arena, const char *saved)
{
	struct la_vcpu_regs *notes = NULL;
	struct la_regs_text text = { 0 };
	struct la_error err = { "" };
	size_t n = 0;

	if ((saved ? la_regs_text_read(arena, saved, &text, &err) :
		     la_notes_regs(arena, k->door->notes, k->door->notes_size, &notes, &n, &err)) !=
	    LA_OK)
		fprintf(stderr, "%s\n", err.text);
	if (saved) {
		notes = text.vcpu;
		n = text.n;
	}
	for (size_t i = 0; i < n; i++) {
		struct la_regs *regs = &notes[i].regs;
		struct la_stack stack;
		int cpu = -1;

		for (unsigned c = 0; k->percpu && c < k->ncpus; c++)
			if (k->percpu[c] == regs->gpr[LA_R_U0])
				cpu = (int)c;
		la_unwind_cpu(k, arena, regs, cpu, &stack);
		printf("CPU %u linux %d\n", notes[i].pid - 1, cpu);
		print_stack(k, &stack);
	}
}

/* The tasks whose task_structs a line "TASK ADDRESS ..." of @path names. */
static void print_tasks(const struct la_kernel *k, struct la_arena *arena, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file) {
		perror(path);
		exit(99);
	}
	while (fgets(line, sizeof(line), file)) {
		struct la_error err = { "" };
		struct la_stack stack;
		struct la_regs regs;
		uint64_t task;

		if (sscanf(line, "TASK %" SCNx64, &task) != 1)
			continue;
		printf("TASK 0x%" PRIx64 "\n", task);
		if (la_task_regs(k, task, &regs, &err) != LA_OK) {
			printf("stop: none (%s) unverified\n\n", err.text);
			continue;
		}
		la_unwind(k, arena, &regs, -1, &stack);
		print_stack(k, &stack);
	}
	fclose(file);
}

static bool (*whole_symbol)(void *ctx, const char *name, uint64_t *ret);

static bool symbol_without_orc(void *ctx, const char *name, uint64_t *ret)
{
	return strcmp(name, "__start_orc_unwind_ip") && whole_symbol(ctx, name, ret);
}

int main(int argc, char **argv)
{
	struct la_arena *arena = la_arena_new(256u << 20);
	const char *saved = NULL, *tasks = NULL;
	uint64_t relocation = 0;
	struct la_error err = { "" };
	struct la_kernel k;
	struct la_elf_door *v;
	struct la_dump *dump;
	bool with_cfi = true, with_orc = true;
	struct la_modules modules;
	struct la_door door;
	int c;

	while ((c = getopt(argc, argv, "k:r:t:CO")) != -1) {
		if (c == 'k')
			relocation = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			saved = optarg;
		else if (c == 't')
			tasks = optarg;
		else if (c == 'C')
			with_cfi = false;
		else if (c == 'O')
			with_orc = false;
		else
			return 99;
	}
	if (argc - optind != 2 || !arena) {
		fprintf(stderr,
			"usage: la-stacks [-k RELOCATION] [-r FILE] [-t TASKS] [-C] [-O] VMLINUX DUMP\n");
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
	la_vectors_open(&k, arena);
	if (la_modules_read(&k, arena, &modules, NULL) == LA_OK)
		la_elf_door_set_modules(v, &modules);
	if (la_lines_open(&k, &err) != LA_OK)
		fprintf(stderr, "%s\n", err.text);
	if (tasks)
		print_tasks(&k, arena, tasks);
	else
		print_cpus(&k, arena, saved);
	la_cfi_close(&k);
	la_lines_close(&k);
	la_elf_door_close(v);
	la_dump_close(dump);
	la_arena_free(arena);
	return 0;
}
