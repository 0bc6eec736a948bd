// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * lapanic and lacpus on a dump with the core alone, on any machine, without crash:
 *
 *   la-triage [-k RELOCATION] [-c | -l] [-j] [-r] [-s] [-R FILE] VMLINUX DUMP
 *
 * -R saved "info registers -a", -c CPUs instead of the verdict (-r registers, -s stacks), -l the whole log, -j JSON.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lakvm/elf_door.h"
#include "lakvm/render.h"
#include "read_text.h"

static void put(void *ctx, const char *text)
{
	fputs(text, ctx);
}

static void print_log(const struct la_kernel *k, struct la_arena *arena)
{
	struct la_error err = { "" };
	struct la_log log;

	if (la_log_read(k, arena, &log, &err) != LA_OK)
		fprintf(stderr, "log: %s\n", err.text);
	for (size_t i = 0; i < log.n; i++)
		printf("[%5" PRIu64 ".%06" PRIu64 "] %s\n", log.record[i].ts_nsec / 1000000000,
		       log.record[i].ts_nsec % 1000000000 / 1000, log.record[i].text);
}

int main(int argc, char **argv)
{
	struct la_render_options opt = { 0 };
	const struct la_sink sink = { .put = put, .ctx = stdout };
	struct la_arena *arena = la_arena_new(256u << 20);
	bool want_cpus = false, want_log = false, json = false;
	struct la_error err = { "" };
	uint64_t relocation = 0;
	struct la_panic panic;
	struct la_cpus cpus;
	struct la_kernel k;
	struct la_note_regs *text = NULL;
	struct la_elf_door *v;
	struct la_dump *dump;
	size_t ntext = 0;
	int c;

	while ((c = getopt(argc, argv, "k:cljrsR:")) != -1) {
		if (c == 'k')
			relocation = strtoull(optarg, NULL, 0);
		else if (c == 'c')
			want_cpus = true;
		else if (c == 'l')
			want_log = true;
		else if (c == 'j')
			json = true;
		else if (c == 'r')
			opt.registers = true;
		else if (c == 's')
			opt.stacks = true;
		else if (c == 'R')
			text = read_text(arena, optarg, &ntext);
		else
			return 99;
	}
	if (argc - optind != 2 || !arena) {
		fprintf(stderr, "usage: la-triage [-k RELOCATION] [-c|-l] [-j] [-r] [-s] [-R FILE] VMLINUX "
				"DUMP\n");
		return 99;
	}
	if (la_dump_open(&dump, (const char *const *)argv + optind + 1, 1, NULL, &err) != LA_OK ||
	    la_elf_door_open(&v, argv[optind], dump, arena, &err) != LA_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	la_elf_door_relocate(v, relocation);
	if (la_kernel_init(&k, la_elf_door(v), arena, &err) != LA_OK)
		fprintf(stderr, "kernel: %s\n", err.text);
	if (la_cfi_open(&k, &err) != LA_OK)
		fprintf(stderr, "call-frame information: %s\n", err.text);
	if (want_log) {
		print_log(&k, arena);
	} else {
		if (la_cpus_analyse_text(&k, arena, text, ntext, &cpus, &err) != LA_OK)
			fprintf(stderr, "CPUs: %s\n", err.text);
		if (!want_cpus)
			la_panic_analyse(&k, arena, &cpus, &panic);
		if (want_cpus && json)
			la_render_cpus_json(&k, &cpus, &opt, &sink);
		else if (want_cpus)
			la_render_cpus_text(&k, &cpus, &opt, &sink);
		else if (json)
			la_render_panic_json(&k, &panic, &sink);
		else
			la_render_panic_text(&k, &panic, &sink);
	}
	la_cfi_close(&k);
	la_elf_door_close(v);
	la_dump_close(dump);
	la_arena_free(arena);
	return 0;
}
