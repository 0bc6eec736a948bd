// SPDX-License-Identifier: GPL-3.0-or-later
// ladump: what a dump of a LoongArch64 guest says of itself, without crash. docs/ladump.1 has
// the manual.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/base/threads.h"
#include "lakvm/dump/dump.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/door/elf_file.h"
#include "lakvm/host/host.h"
#include "lakvm/regs/text.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/render/html.h"
#include "lakvm/render/markdown.h"
#include "lakvm/render/report.h"
#include "program.h"
#include "search.h"
#include "vmlinux.h"

#define MEMORY ((size_t)1 << 30)
#define MAX_PARTS 64

struct order {
	const char *vmlinux, *text, *markdown, *html, *folders; /* NULL: not given */
	struct search_words search;
	const char *taken; /* a folder of lavirsh-dump, instead of parts; NULL: none */
	const char *beside[LA_HOST_TEXTS]; /* what else is read of it */
	const char *part[MAX_PARTS];
	size_t nparts;
	const char *named; /* the vmlinux as it was given, which may be packed */
	bool relocation, quiet, find, json, log, panic, line, verbose;
	struct la_render_options show;
	struct la_overrides said;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: ladump [-b] [-g] [-i] [-j] [-l] [-m NAME=VALUE,...] [-r REGISTERS] [VMLINUX] [DUMP...]\n"
		"       ladump -p [-1] [-j] [-v] [-H FILE] [-M FILE] ... the same: why the guest died or hung\n"
		"       ladump --find WHAT [--in WHERE] [--max N] [-j] [VMLINUX] DUMP...\n"
		"       ladump --find-vmlinux [VMLINUX] DUMP...\n"
		"       ladump --relocation[=quiet] VMLINUX DUMP...\n"
		"       ladump --help | --version\n"
		"\n"
		"  -p             why the guest died or hung; -1 in one line, -v with all CPUs\n"
		"  -H, --html FILE       the same as a page with pictures, into FILE\n"
		"  -M, --markdown FILE   the same as Markdown, into FILE\n"
		"  -b, -i         stacks of the CPUs; with source positions\n"
		"  -g             registers of the CPUs\n"
		"  -j             JSON\n"
		"  -l             the kernel's log\n"
		"  -r FILE        registers: text of QEMU's \"info registers -a\"\n"
		"  -D, --debug-path DIRECTORY:...  where else a VMLINUX that is not named is looked for, by its build-id\n"
		"  --find WHAT    where in the guest's RAM WHAT is, and whose memory that is; WHAT is\n"
		"                 %s"
		"  --in WHERE     only in memory of: %s"
		"  --max N        show the first N hits (%d by default); all are counted\n"
		"  --find-vmlinux only find it, or unpack the one that is named, and compare its build-id with the dump's\n"
		"  --relocation   only say by how much the kernel moved itself\n"
		"  -m, --machdep  %s\n",
		la_find_what_help, la_find_where_help, LA_FIND_LIMIT, la_overrides_help);
}

/* At a terminal: a search of RAM for the kernel may take seconds. */
static void show_progress(void *shown, uint64_t done, uint64_t total)
{
	*(bool *)shown = true;
	fprintf(stderr, "\rsearching RAM for the kernel: %3" PRIu64 "%%", done * 100 / total);
}

/* Of a flattened dump the first thing is to find out what it has where. */
static void show_indexing(void *shown, uint64_t done, uint64_t total)
{
	*(bool *)shown = true;
	fprintf(stderr, "\rreading the dump's records: %3" PRIu64 "%%",
		total ? done * 100 / total : 0);
}

static void hide_progress(bool shown)
{
	if (shown)
		fprintf(stderr, "\r%*s\r", 40, "");
}

/* A vmlinux of another build is said to be one, and used as far as it can be. */
static bool compare_builds(const struct order *o, struct la_dump *dump,
			   const struct la_elf_door *vmlinux, struct la_arena *arena)
{
	struct la_error err = { "" };
	const bool fits = !dump || !vmlinux ||
			  vmlinux_fits(o->vmlinux, la_elf_door(vmlinux), dump, arena, &err);

	if (!fits)
		program_say("%s", err.text);
	return fits;
}

/* For lacrash: the offset alone; of a vmlinux, whether it is of this dump. */
static int print_relocation(const struct order *o, struct la_dump *dump,
			    struct la_elf_door *vmlinux, const struct la_report_options *text,
			    struct la_arena *arena)
{
	const struct la_door *door = la_elf_door(vmlinux);
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
		la_elf_door_relocate(vmlinux, r.offset);
		compare_builds(o, dump, vmlinux, arena);
		printf("0x%" PRIx64 "\n", r.offset);
		return EXIT_SUCCESS;
	}
	compare_builds(o, dump, vmlinux, arena);
	if (o->quiet)
		return EXIT_FAILURE;
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

#define MAX_READ (3 + LA_HOST_TEXTS + MAX_PARTS)

/* What is read gives way to no output. */
static struct la_text_file output_file(const struct order *o, const char *path,
				       const char *read[MAX_READ])
{
	read[0] = o->named;
	read[1] = o->vmlinux;
	read[2] = o->text;
	memcpy(read + 3, o->beside, sizeof(o->beside));
	memcpy(read + 3 + LA_HOST_TEXTS, o->part, o->nparts * sizeof(*read));
	return (struct la_text_file){ path, read, 3 + LA_HOST_TEXTS + o->nparts };
}

static int write_markdown(const struct la_report *r, const struct order *o, struct la_arena *arena)
{
	const char *read[MAX_READ];
	const struct la_text_file file = output_file(o, o->markdown, read);
	struct la_error err = { "" };

	return la_render_panic_markdown_file(&r->panic, la_language_of_locale(), &file, arena,
					     &err) == LA_OK ?
		       EXIT_SUCCESS :
		       program_fail(err.text);
}

static int write_html(struct la_report *r, const struct order *o, struct la_arena *arena)
{
	char page_size[24] = "unknown";
	const char *read[MAX_READ];
	const struct la_text_file file = output_file(o, o->html, read);
	struct la_version version[8 + MAX_PARTS];
	struct la_html h = { .panic = &r->panic,
			     .map = r->has_dump ? &r->map : NULL,
			     .usage = &r->usage,
			     .version = version,
			     .language = la_language_of_locale() };
	struct la_error err = { "" };

	la_report_picture(r, arena);
	if (r->page_size)
		snprintf(page_size, sizeof(page_size), "%" PRIu64, r->page_size);
	version[h.nversions++] = (struct la_version){ "lakvm", program_lakvm };
	version[h.nversions++] = (struct la_version){ "kernel", r->release };
	version[h.nversions++] = (struct la_version){ "build-id", r->build_id };
	version[h.nversions++] = (struct la_version){ "page size", page_size };
	version[h.nversions++] = (struct la_version){ "vmlinux", o->vmlinux ? o->vmlinux : "none" };
	if (r->has_dump)
		version[h.nversions++] = (struct la_version){ "format", r->map.format };
	if (o->text)
		version[h.nversions++] = (struct la_version){ "registers", o->text };
	for (size_t i = 0; i < o->nparts; i++)
		version[h.nversions++] = (struct la_version){ "dump", o->part[i] };
	return la_render_html_file(&h, &file, arena, &err) == LA_OK ? EXIT_SUCCESS :
								      program_fail(err.text);
}

/* Dump and register text of a folder of lavirsh-dump, but for what was given itself. */
static enum la_status open_taken(struct order *o, struct la_host *host, struct la_arena *arena,
				 struct la_error *err)
{
	const enum la_status status = la_host_read(arena, o->taken, host, err);

	if (status != LA_OK)
		return status;
	if (host->remark)
		program_say("%s: %s", o->taken, host->remark);
	memcpy(o->beside, host->text, sizeof(o->beside));
	if (host->memory)
		o->part[o->nparts++] = host->memory;
	if (!o->text)
		o->text = host->registers;
	return o->nparts || o->text ?
		       LA_OK :
		       la_fail(err, LA_ABSENT, "%s: it has neither memory nor registers", o->taken);
}

/* What was named is unpacked; what was not is looked for where its symbols are wanted. */
static enum la_status open_vmlinux(struct order *o, struct la_dump *dump,
				   struct la_elf_door **vmlinux, struct la_arena *arena,
				   struct la_error *err)
{
	const bool wanted = o->panic || o->show.stacks || o->find || o->search.what;
	enum la_status status = LA_OK;

	if (o->vmlinux)
		status = vmlinux_unpacked(o->vmlinux, arena, &o->vmlinux, err);
	else if (dump && wanted)
		status = vmlinux_find(dump, o->taken ? o->taken : o->part[0], o->folders, arena,
				      &o->vmlinux, err);
	/* without symbols there is what the log tells */
	if (status != LA_OK && !o->vmlinux && !o->find) {
		program_say("%s", err->text);
		la_error_clear(err);
		return LA_OK;
	}
	return status == LA_OK && o->vmlinux ?
		       la_elf_door_open(vmlinux, o->vmlinux, dump, arena, err) :
		       status;
}

/* For lacrash: which file it is. */
static int print_vmlinux(const struct order *o, struct la_dump *dump,
			 const struct la_elf_door *vmlinux, struct la_arena *arena)
{
	if (!o->vmlinux)
		return program_fail("no vmlinux and no dump to find it for");
	puts(o->vmlinux);
	return compare_builds(o, dump, vmlinux, arena) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int report(const struct order *o, struct la_dump *dump, struct la_elf_door *vmlinux,
		  const struct la_report_options *options, struct la_arena *arena)
{
	struct la_error err = { "" };
	struct la_report r;
	int status;

	if (la_report_make(dump, vmlinux, options, arena, &r, &err) != LA_OK)
		return program_fail(err.text);
	hide_progress(*(bool *)options->ctx);
	compare_builds(o, dump, vmlinux, arena);
	if (o->panic)
		la_known_hints(arena, &r.panic, tell, NULL);
	status = o->search.what ? search_print(dump, &r, &o->search, o->json, arena) :
		 o->html        ? write_html(&r, o, arena) :
		 o->markdown    ? write_markdown(&r, o, arena) :
				  print_report(&r, o);
	la_report_close(&r);
	return status;
}

static int run(struct order *o, struct la_arena *arena)
{
	bool shown = false;
	struct la_report_options options = { .said = o->said,
					     .log = o->log,
					     .panic = o->panic,
					     .lines = o->json || o->panic || o->show.source,
					     .ctx = &shown };
	struct la_elf_door *vmlinux = NULL;
	struct la_regs_text text = { 0 };
	struct la_host host = { 0 };
	struct la_dump *dump = NULL;
	struct la_error err = { "" };
	const struct la_dump_options reading = { .threads = la_processors(),
						 .progress = isatty(2) ? show_indexing : NULL,
						 .ctx = &shown };
	const bool open =
		(!o->taken || open_taken(o, &host, arena, &err) == LA_OK) &&
		(!o->nparts || la_dump_open(&dump, o->part, o->nparts, &reading, &err) == LA_OK) &&
		open_vmlinux(o, dump, &vmlinux, arena, &err) == LA_OK &&
		(!o->text || la_regs_text_read(arena, o->text, &text, &err) == LA_OK);
	int status;

	hide_progress(shown);
	shown = false;
	options.text = text.vcpu;
	options.ntext = text.n;
	options.text_remark = text.remark;
	options.host = o->taken ? &host : NULL;
	if (isatty(2))
		options.progress = show_progress;
	if (!open)
		status = o->quiet ? EXIT_FAILURE : program_fail(err.text);
	else if (o->find)
		status = print_vmlinux(o, dump, vmlinux, arena);
	else if (o->relocation)
		status = print_relocation(o, dump, vmlinux, &options, arena);
	else
		status = report(o, dump, vmlinux, &options, arena);
	la_elf_door_close(vmlinux);
	la_dump_close(dump);
	return status;
}

static bool is_folder(const char *path)
{
	struct stat about;

	return !stat(path, &about) && S_ISDIR(about.st_mode);
}

/* What lavirsh-dump -z makes; only names tell, and a folder may have any. */
static bool is_archive(const char *path)
{
	const size_t n = strlen(path);

	return n > 8 && !strcmp(path + n - 8, ".tar.zst") && !is_folder(path);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "relocation", optional_argument, NULL, 'k' },
						 { "find-vmlinux", no_argument, NULL, 'f' },
						 { "debug-path", required_argument, NULL, 'D' },
						 { "version", no_argument, NULL, 'V' },
						 { "markdown", required_argument, NULL, 'M' },
						 { "html", required_argument, NULL, 'H' },
						 { "machdep", required_argument, NULL, 'm' },
						 { "find", required_argument, NULL, 'F' },
						 { "in", required_argument, NULL, 'I' },
						 { "max", required_argument, NULL, 'N' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL, 0, NULL, 0 } };
	struct order o = { .search.limit = LA_FIND_LIMIT };
	struct la_error err = { "" };
	struct la_arena *arena;
	int c, status;

	program_start("ladump");
	while ((c = getopt_long(argc, argv, "1bD:ghH:ijlm:M:pr:vV", options, NULL)) != -1) {
		switch (c) {
		case '1':
			o.line = true;
			break;
		case 'b':
			o.show.stacks = true;
			break;
		case 'D':
			o.folders = optarg;
			break;
		case 'f':
			o.find = true;
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
			o.quiet = optarg && !strcmp(optarg, "quiet");
			if (!optarg || o.quiet)
				break;
			program_say("--relocation=%s: only quiet is known", optarg);
			return PROGRAM_USAGE;
		case 'm':
			if (la_overrides_parse(optarg, &o.said, &err) == LA_OK)
				break;
			program_say("--machdep: %s", err.text);
			return PROGRAM_USAGE;
		case 'F':
			o.search.what = optarg;
			break;
		case 'I':
			o.search.where = optarg;
			break;
		case 'N':
			o.search.limit = search_limit(optarg);
			if (o.search.limit)
				break;
			program_say("--max: a number from 1 to %d", LA_FIND_MAX_LIMIT);
			return PROGRAM_USAGE;
		case 'M':
			o.markdown = optarg;
			o.panic = true;
			break;
		case 'H':
			o.html = optarg;
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
		case 'V':
			return program_version();
		default:
			usage(c == 'h' ? stdout : stderr);
			return program_end(c == 'h' ? EXIT_SUCCESS : PROGRAM_USAGE);
		}
	}
	for (int i = optind; i < argc; i++) {
		if (is_archive(argv[i])) {
			program_say(
				"%s: unpack it first (tar -xf), and give the folder; lacrash does so by itself",
				argv[i]);
			return program_end(EXIT_FAILURE);
		}
		if (!o.taken && is_folder(argv[i]))
			o.taken = argv[i];
		else if (!o.vmlinux && vmlinux_is(argv[i]))
			o.vmlinux = o.named = argv[i];
		else if (o.nparts == MAX_PARTS) {
			program_say("more than %d files of one dump", MAX_PARTS);
			return PROGRAM_USAGE;
		} else
			o.part[o.nparts++] = argv[i];
	}
	if (o.taken && o.nparts) {
		program_say("%s is a whole dump: no other file belongs to it", o.taken);
		return PROGRAM_USAGE;
	}
	if ((!o.nparts && !o.text && !o.taken && !(o.find && o.vmlinux)) ||
	    (o.relocation && !o.vmlinux && o.nparts < 2) ||
	    (o.search.what ? !o.nparts && !o.taken : o.search.where != NULL)) {
		usage(stderr);
		return PROGRAM_USAGE;
	}
	/* it may be damaged */
	if (o.relocation && !o.vmlinux)
		return program_fail("none of the files is a vmlinux");
	arena = la_arena_new(MEMORY);
	status = arena ? run(&o, arena) : program_fail("out of memory");
	la_arena_free(arena);
	return program_end(status);
}
