// SPDX-License-Identifier: GPL-3.0-or-later
// lamem: where an address goes, whether the dump holds it, and if not, why.
#include "crash.h"
#include "glue.h"

#include "lakvm/render/find.h"
#include "lakvm/render/mem.h"
#include "lakvm/report/find.h"

char *help_lamem[] = {
	"lamem",
	"where an address of a LoongArch64 guest goes, and whether the dump holds it",
	"[-j] [-p] [ADDRESS | SYMBOL | (EXPRESSION)] ...\n"
	"  lamem -f WHAT [-i WHERE] [-n COUNT] [-j]",
	"  Without arguments: the dump's format and the guest's RAM, and how much of it is",
	"  in the dump, with a picture of it. With addresses: the segment, the window or",
	"  every level of the page tables, the physical address, where in the dump file its",
	"  page lies, and if it cannot be read, why; of RAM also the memory section and the",
	"  struct page. User addresses are those of the current task.",
	" ",
	"    -p  the addresses are physical ones.",
	"    -j  one JSON object instead (schema lakvm.mem/1; with -f lakvm.find/1).",
	" ",
	"  With -f: where WHAT is in all RAM that the dump has, and whose memory that is.",
	" ",
	"    -f  SYMBOL: pointers into it; HEX, HEX/4, HEX/2: a value of 8, 4, 2 bytes;",
	"        LO-HI: pointers from LO to below HI; \"text:TEXT\"; bytes:HEX.",
	"    -i  only in memory of: task or task:PID, slab or slab:CACHE, page-cache,",
	"        kernel, free.",
	"    -n  how many are shown (100 by default); all are counted.",
	"\nEXAMPLES",
	"  %s> lamem",
	"  %s> lamem 90000002f0000000 linux_banner",
	"  %s> lamem -f init_task -i slab",
	NULL
};

/* The tables of the current task for a user address, 0 if it has none; else the kernel's. */
static uint64_t tables_of(const struct la_kernel *kernel, uint64_t address)
{
	struct la_user_tables tables;

	if (la_segment_of(address) != LA_XUVRANGE)
		return kernel->mmu.kernel_pgd;
	translate_user_tables(kernel, CURRENT_CONTEXT(), &tables);
	if (tables.remark[0])
		error(INFO, "page tables of the current task: %s\n", tables.remark);
	return tables.pgd;
}

/* As vtop takes it: a symbol, an expression in parentheses, else a hexadecimal number. */
static uint64_t parse(char *argument)
{
	struct syment *sp = symbol_search(argument);

	if (sp)
		return sp->value;
	return can_eval(argument) ? eval(argument, FAULT_ON_ERROR, NULL) :
				    htol(argument, FAULT_ON_ERROR, NULL);
}

static void show_map(struct la_arena *arena, bool json)
{
	struct la_error err = { "" };
	struct la_mem_map map;

	if (la_mem_map(reader_dump(), arena, &map, &err) != LA_OK)
		error(INFO, "%s\n", err.text);
	else if (!json)
		la_render_mem_map_text(&map, command_columns(), command_sink());
	else if (la_render_mem_map_json(&map, command_sink()) != LA_OK)
		error(INFO, "out of memory\n");
}

static void tell_search(void *told, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	if (!*(bool *)told)
		please_wait("searching RAM");
	*(bool *)told = true;
}

/* On one thread: crash forks, and leaves whatever runs by longjmp. */
static void find(const struct la_kernel *kernel, struct la_arena *arena, const char *what,
		 const char *where, size_t limit, bool json)
{
	bool told = false;
	const struct la_find_options options = {
		.limit = limit, .threads = 1, .progress = tell_search, .ctx = &told
	};
	struct la_find_order order = { .everywhere = true };
	struct la_error err = { "" };
	struct la_find found;
	enum la_status status = la_find_parse_what(kernel->door, what, &order, &err);

	if (status == LA_OK && where)
		status = la_find_parse_where(where, &order, &err);
	if (status == LA_OK && !reader_dump())
		status = la_fail(&err, LA_UNSUPPORTED,
				 "this dump is read by crash itself: use its search");
	if (status == LA_OK)
		status = la_find(kernel, reader_dump(), session_sections(NULL), session_cpus(NULL),
				 &order, &options, arena, &found, &err);
	if (told)
		please_wait_done();
	if (status != LA_OK)
		error(INFO, "%s\n", err.text);
	else if (!json)
		la_render_find_text(&found, command_sink());
	else if (la_render_find_json(&found, command_sink()) != LA_OK)
		error(INFO, "out of memory\n");
}

static size_t parse_limit(char *text)
{
	const ulong n = dtol(text, FAULT_ON_ERROR, NULL);

	if (!n || n > LA_FIND_MAX_LIMIT)
		error(FATAL, "-n: a number from 1 to %d\n", LA_FIND_MAX_LIMIT);
	return n;
}

void cmd_lamem(void)
{
	struct la_mem_address *list;
	const struct la_sections *sections;
	struct la_error no_sections = { "" };
	struct la_kernel *kernel;
	struct la_arena *arena;
	struct la_error err = { "" };
	const char *what = NULL, *where = NULL;
	bool json = false, physical = false;
	size_t n, limit = LA_FIND_LIMIT;
	int c;

	while ((c = getopt(argcnt, args, "f:i:jn:p")) != EOF) {
		if (c == 'j')
			json = true;
		else if (c == 'p')
			physical = true;
		else if (c == 'f')
			what = optarg;
		else if (c == 'i')
			where = optarg;
		else if (c == 'n')
			limit = parse_limit(optarg);
		else
			argerrs++;
	}
	if (argerrs || (what ? args[optind] || physical : where != NULL))
		cmd_usage(pc->curcmd, SYNOPSIS);

	kernel = session_kernel(&err);
	if (!kernel || (!reader_dump() && !args[optind] && !what)) {
		error(INFO, "%s\n",
		      kernel ?
			      "this dump is read by crash itself: only addresses can be explained" :
			      err.text);
		return;
	}
	arena = command_memory();
	if (!arena)
		return;
	if (what) {
		find(kernel, arena, what, where, limit, json);
		return;
	}
	if (!args[optind]) {
		show_map(arena, json);
		return;
	}
	sections = session_sections(&no_sections);
	n = (size_t)(argcnt - optind);
	list = la_alloc_n(arena, n, sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		const uint64_t address = parse(args[optind + (int)i]);

		la_mem_explain(kernel, reader_dump(), tables_of(kernel, address), address, physical,
			       &list[i]);
		if (sections)
			la_mem_explain_page(kernel, sections, &list[i]);
		else if (list[i].status == LA_OK &&
			 (list[i].other_reader || list[i].place.state != LA_BLOCK_HOLE))
			snprintf(list[i].page_reason, sizeof(list[i].page_reason), "%s",
				 no_sections.text);
		if (!json) {
			fprintf(fp, "%s", i ? "\n" : "");
			la_render_mem_address_text(&list[i], command_sink());
		}
	}
	if (!list || (json && la_render_mem_address_json(list, n, command_sink()) != LA_OK))
		error(INFO, "out of memory\n");
}
