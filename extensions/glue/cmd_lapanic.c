// SPDX-License-Identifier: GPL-3.0-or-later
// lapanic: why the guest died or hung.
#include "crash.h"
#include "glue.h"

#include "lakvm/base/escape.h"
#include "lakvm/triage/panic.h"
#include "lakvm/render/html.h"
#include "lakvm/render/markdown.h"
#include "lakvm/render/render.h"

char *help_lapanic[] = {
	"lapanic",
	"why a LoongArch64 guest died or hung",
	"[-1] [-j] [-v] [-H FILE] [-m FILE] [-r FILE]",
	"  Tells from the dump why the guest's kernel panicked or hangs. The first screen has",
	"  the verdict, the cause in words, where and whose it was and when, what else is stuck",
	"  because of it, and what to do next; it fits into a ticket as it is. Below is what it",
	"  rests on: the instruction that faulted with the values of its registers, the address",
	"  and the page tables, the stack, what the other CPUs did, and the lines of the log",
	"  before the first trouble and of the fault. Everything that was seen is listed with",
	"  its source; what could not be found is said to be unknown.",
	" ",
	"    -1       one line instead.",
	"    -v       also the end of the log, and all CPUs with registers and stacks.",
	"    -j       one JSON object instead (schema lakvm.panic/1).",
	"    -H FILE  one HTML page with pictures into that file: the CPUs, who waits for whom, the",
	"             log as a time line, memory; it needs no network and holds the JSON, too.",
	"    -m FILE  Markdown for an issue tracker into that file, with headings in English, or in",
	"             Chinese where the locale (LC_ALL, LC_MESSAGES, LANG) says so.",
	"    -r FILE  use the text of QEMU's \"info registers -a\" of the same moment: it",
	"             has the program counters, which the dump lacks.",
	" ",
	"  The command also works in a minimal session, as long as the dump can be read.",
	"\nEXAMPLES",
	"  %s> lapanic",
	"  %s> lapanic -j > panic.json",
	NULL
};

static void tell(void *unused, const char *line)
{
	char printable[1024];

	(void)unused;
	la_text_escape(line, false, printable, sizeof(printable));
	error(INFO, "%s\n", printable);
}

/* False, and said why: there is nothing to show. */
static bool analyse(struct la_arena *arena, const char *text, struct la_panic *ret)
{
	struct la_error err = { "" };
	struct la_kernel *kernel = session_kernel(&err);
	const struct la_cpus *cpus;
	enum la_status lines;

	if (!kernel) {
		error(INFO, "%s\n", err.text);
		return false;
	}
	cpus = text ? command_cpus_with_text(kernel, arena, text) : session_cpus(&err);
	if (!cpus) {
		if (text)
			return false;
		error(INFO, "no registers: %s\n", err.text);
	}
	la_panic_analyse(kernel, arena, cpus, ret);
	lines = session_lines(NULL); /* without them positions in the source are unknown */
	if (lines == LA_OK)
		la_panic_lines(kernel, arena, ret);
	else if (lines == LA_NOMEM)
		la_panic_lack_lines(ret);
	return true;
}

static bool analyse_misfit(struct la_arena *arena, const char *text, struct la_panic *ret)
{
	struct la_regs_text registers = { .n = 0 };
	struct la_error err = { "" };

	if (!text)
		text = getenv("LAKVM_REGISTERS");
	if (text && *text && !command_registers(arena, text, &registers))
		return false;
	if (misfit_panic(arena, &registers, ret, &err))
		return true;
	error(INFO, "%s\n", err.text);
	return false;
}

#define MAX_READ (4 + LA_HOST_TEXTS + READER_PARTS)

/* All that the session reads gives way to no output. */
static struct la_text_file output_file(const char *path, const char *text,
				       const char *read[MAX_READ])
{
	read[0] = pc->namelist;
	read[1] = pc->dumpfile;
	read[2] = text;
	read[3] = getenv("LAKVM_REGISTERS");
	session_host_texts(read + 4);
	reader_parts(read + 4 + LA_HOST_TEXTS);
	return (struct la_text_file){ path, read, MAX_READ };
}

/* What only the page has: source positions of all stacks, memory, versions. */
static void write_page(struct la_arena *arena, struct la_panic *panic,
		       const struct la_text_file *file)
{
	const bool misfits = session_misfits() && reader_dump();
	const struct la_version version[] = {
		{ "lakvm", LAKVM_VERSION " (lapanic)" },
		{ "crash", pc->program_version },
		{ "gdb", pc->gdb_version },
		{ "kernel", panic->release },
		{ "vmlinux", pc->namelist },
		{ "dump", pc->dumpfile },
	};
	struct la_mem_use usage = { .reason = "vmlinux and dump do not belong together" };
	struct la_error err = { "" };
	struct la_mem_map map;
	struct la_html h = { .panic = panic,
			     .usage = &usage,
			     .version = version,
			     .nversions = sizeof(version) / sizeof(version[0]),
			     .language = la_language_of_locale() };

	if (reader_dump() && la_mem_map(reader_dump(), arena, &map, &err) == LA_OK)
		h.map = &map;
	if (!misfits) {
		struct la_kernel *kernel = session_kernel(NULL);
		const struct la_sections *sections = session_sections(NULL);
		const struct la_cpus *cpus = panic->cpus;

		if (cpus && session_lines(NULL) == LA_OK)
			cpus = la_cpus_lines(kernel, arena, cpus, NULL, 0);
		if (cpus)
			panic->cpus = cpus;
		usage.reason = "the guest's memory sections are not found";
		if (h.map && sections)
			la_mem_usage(kernel, sections, &map, arena, &usage);
	}
	la_error_clear(&err);
	if (la_render_html_file(&h, file, arena, &err) != LA_OK)
		error(INFO, "%s\n", err.text);
}

void cmd_lapanic(void)
{
	struct la_arena *arena;
	struct la_error err = { "" };
	const char *read[MAX_READ];
	struct la_text_file file;
	struct la_panic panic;
	const char *text = NULL, *markdown = NULL, *html = NULL;
	bool json = false, line = false, verbose = false;
	int c;

	while ((c = getopt(argcnt, args, "1H:jm:r:v")) != EOF) {
		if (c == 'j')
			json = true;
		else if (c == '1')
			line = true;
		else if (c == 'v')
			verbose = true;
		else if (c == 'H')
			html = optarg;
		else if (c == 'm')
			markdown = optarg;
		else if (c == 'r')
			text = optarg;
		else
			argerrs++;
	}
	if (argerrs || args[optind])
		cmd_usage(pc->curcmd, SYNOPSIS);

	arena = command_memory();
	if (!arena ||
	    !(session_misfits() && reader_dump() ? analyse_misfit : analyse)(arena, text, &panic))
		return;
	la_known_hints(arena, &panic, tell, NULL);
	if (html) {
		file = output_file(html, text, read);
		write_page(arena, &panic, &file);
	} else if (markdown) {
		file = output_file(markdown, text, read);
		if (la_render_panic_markdown_file(&panic, la_language_of_locale(), &file, arena,
						  &err) != LA_OK)
			error(INFO, "%s\n", err.text);
	} else if (json) {
		if (la_render_panic_json(&panic, command_sink()) != LA_OK)
			error(INFO, "out of memory\n");
	} else if (line) {
		la_render_panic_line(&panic, command_sink());
	} else {
		la_render_panic_text(&panic, verbose, command_sink());
	}
	misfit_close();
	command_memory_free();
}
