// SPDX-License-Identifier: GPL-3.0-or-later
// ladump: what a dump of a LoongArch64 guest says of itself, without crash. docs/ladump.1 has
// the manual.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lakvm/dump/dump.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/door/elf_file.h"
#include "lakvm/regs/text.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/render/markdown.h"
#include "lakvm/render/report.h"
#include "program.h"

#define MEMORY ((size_t)1 << 30)
#define MAX_PARTS 64

struct order {
	const char *vmlinux, *text, *markdown; /* NULL: not given */
	const char *part[MAX_PARTS];
	size_t nparts;
	bool relocation, json, log, panic, line, verbose;
	struct la_render_options show;
	struct la_overrides said;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: ladump [-b] [-g] [-i] [-j] [-l] [-m NAME=VALUE,...] [-r REGISTERS] [VMLINUX] [DUMP...]\n"
		"       ladump -p [-1] [-j] [-v] [-M FILE] ... the same: why the guest died or hung\n"
		"       ladump --relocation VMLINUX DUMP...\n"
		"-m, --machdep: %s\n",
		la_overrides_help);
}

/* At a terminal: a search of RAM for the kernel may take seconds. */
static void show_progress(void *shown, uint64_t done, uint64_t total)
{
	*(bool *)shown = true;
	fprintf(stderr, "\rsearching RAM for the kernel: %3" PRIu64 "%%", done * 100 / total);
}

static void hide_progress(bool shown)
{
	if (shown)
		fprintf(stderr, "\r%*s\r", 40, "");
}

/* For lacrash: the offset alone. */
static int print_relocation(struct la_dump *dump, const struct la_door *door,
			    const struct la_report_options *text, struct la_arena *arena)
{
	struct la_relocation_search where = { .progress = text->progress, .ctx = text->ctx };
	struct la_ram_range *ram = NULL;
	struct la_relocation r;
	struct la_error err = { "" };
	enum la_status status;

	if (dump && la_dump_ram(dump, false, arena, &ram, &where.nram, &err) != LA_OK)
		return program_fail(err.text);
	where.ram = ram;
	status = la_relocation_find(door, &where, text->text, text->ntext, arena, &r, &err);
	if (text->ctx)
		hide_progress(*(bool *)text->ctx);
	if (status == LA_OK) {
		printf("0x%" PRIx64 "\n", r.offset);
		return EXIT_SUCCESS;
	}
	program_fail(err.text);
	for (size_t i = 0; i < r.n; i++)
		fprintf(stderr, "  %s: 0x%" PRIx64 "\n", la_relocation_way_name(r.finding[i].way),
			r.finding[i].offset);
	return EXIT_FAILURE;
}

static void put(void *ctx, const char *text)
{
	fputs(text, ctx);
}

static void tell(void *unused, const char *line)
{
	(void)unused;
	program_say("%s", line);
}

static int print_report(const struct la_report *r, const struct order *o)
{
	const struct la_sink sink = { put, stdout };
	enum la_status status = LA_OK;

	if (o->panic && o->json)
		status = la_render_panic_json(&r->panic, &sink);
	else if (o->panic && o->line)
		la_render_panic_line(&r->panic, &sink);
	else if (o->panic)
		la_render_panic_text(&r->panic, o->verbose, &sink);
	else if (o->json)
		status = la_render_report_json(r, &o->show, o->log, &sink);
	else if (o->log)
		la_render_log_text(&r->log, &(struct la_log_format){ .time = LA_LOG_UPTIME },
				   &sink);
	else
		la_render_report_text(r, &o->show, &sink);
	if (o->log && !o->json && r->log_reason)
		return program_fail(r->log_reason);
	return status == LA_OK ? EXIT_SUCCESS : program_fail("out of memory");
}

static int write_markdown(const struct la_report *r, const char *path, struct la_arena *arena)
{
	struct la_error err = { "" };

	return la_render_panic_markdown_file(&r->panic, la_language_of_locale(), path, arena,
					     &err) == LA_OK ?
		       EXIT_SUCCESS :
		       program_fail(err.text);
}

static int run(const struct order *o, struct la_arena *arena)
{
	struct la_report_options options = { .said = o->said,
					     .log = o->log,
					     .panic = o->panic,
					     .lines = o->json || o->panic || o->show.source };
	struct la_elf_door *vmlinux = NULL;
	struct la_regs_text text = { 0 };
	struct la_dump *dump = NULL;
	struct la_error err = { "" };
	struct la_report report;
	bool shown = false;
	const bool open =
		(!o->nparts || la_dump_open(&dump, o->part, o->nparts, NULL, &err) == LA_OK) &&
		(!o->vmlinux ||
		 la_elf_door_open(&vmlinux, o->vmlinux, dump, arena, &err) == LA_OK) &&
		(!o->text || la_regs_text_read(arena, o->text, &text, &err) == LA_OK);
	int status;

	options.text = text.vcpu;
	options.ntext = text.n;
	options.text_remark = text.remark;
	options.ctx = &shown;
	if (isatty(2))
		options.progress = show_progress;
	if (!open) {
		status = program_fail(err.text);
	} else if (o->relocation) {
		status = print_relocation(dump, la_elf_door(vmlinux), &options, arena);
	} else if (la_report_make(dump, vmlinux, &options, arena, &report, &err) != LA_OK) {
		status = program_fail(err.text);
	} else {
		hide_progress(shown);
		if (o->panic)
			la_known_hints(arena, &report.panic, tell, NULL);
		status = o->markdown ? write_markdown(&report, o->markdown, arena) :
				       print_report(&report, o);
		la_report_close(&report);
	}
	la_elf_door_close(vmlinux);
	la_dump_close(dump);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "relocation", no_argument, NULL, 'k' },
						 { "markdown", required_argument, NULL, 'M' },
						 { "machdep", required_argument, NULL, 'm' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct order o = { 0 };
	struct la_error err = { "" };
	struct la_arena *arena;
	int c, status;

	program_start("ladump");
	while ((c = getopt_long(argc, argv, "1bghijlm:M:pr:v", options, NULL)) != -1) {
		switch (c) {
		case '1':
			o.line = true;
			break;
		case 'b':
			o.show.stacks = true;
			break;
		case 'g':
			o.show.registers = true;
			break;
		case 'i':
			o.show.stacks = o.show.source = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'l':
			o.log = true;
			break;
		case 'k':
			o.relocation = true;
			break;
		case 'm':
			if (la_overrides_parse(optarg, &o.said, &err) == LA_OK)
				break;
			program_say("--machdep: %s", err.text);
			return EXIT_FAILURE;
		case 'M':
			o.markdown = optarg;
			o.panic = true;
			break;
		case 'p':
			o.panic = true;
			break;
		case 'r':
			o.text = optarg;
			break;
		case 'v':
			o.verbose = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			return program_end(c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
	for (int i = optind; i < argc; i++) {
		if (!o.vmlinux && la_elf_is_program(argv[i]))
			o.vmlinux = argv[i];
		else if (o.nparts == MAX_PARTS)
			return program_fail("more than 64 files of one dump");
		else
			o.part[o.nparts++] = argv[i];
	}
	if ((!o.nparts && !o.text) || (o.relocation && !o.vmlinux)) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	arena = la_arena_new(MEMORY);
	status = arena ? run(&o, arena) : program_fail("out of memory");
	la_arena_free(arena);
	return program_end(status);
}
