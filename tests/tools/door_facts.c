// SPDX-License-Identifier: GPL-3.0-or-later
// Questions whose answers a kernel of any version has, or has not, in the same way for every door.
#include "door_facts.h"

#include <inttypes.h>
#include <string.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *const symbols[] = {
	"init_task",
	"_stext",
	"_etext",
	"swapper_pg_dir",
	"linux_banner",
	"runqueues",
	"irq_stack",
	"__per_cpu_offset",
	"mem_section",
	"panic",
	"handle_syscall",
	"invalid_pte_table",
	"prb",
	"vmcoreinfo_data",
	"kernel_config_data",
	"no_such_symbol",
	"",
};

static const char *const members[][2] = {
	{ "task_struct", "pid" },
	{ "task_struct", "comm" },
	{ "task_struct", "stack" },
	{ "task_struct", "thread" },
	{ "task_struct", "tasks" },
	{ "mm_struct", "pgd" },
	{ "mm_struct", "mm_count" },
	{ "page", "flags" },
	{ "page", "_mapcount" },
	{ "page", "compound_head" },
	{ "page", "mapping" },
	{ "module", "mem" },
	{ "module", "list" },
	{ "rq", "curr" },
	{ "thread_struct", "reg01" },
	{ "list_head", "next" },
	{ "pt_regs", "csr_era" },
	{ "new_utsname", "release" },
	{ "mem_section", "section_mem_map" },
	{ "printk_info", "seq" },
	{ "folio", "_entire_mapcount" },
	{ "cpuinfo_loongarch", "pabits" },
	{ "super_block", "s_id" },
	/* none of these is a member */
	{ "task_struct", "no_such_member" },
	{ "no_such_type", "pid" },
	{ "task_struct", "thread.reg01" },
	{ "task_struct", "tasks.next" },
	{ "", "pid" },
	{ "task_struct", "" },
};

static const char *const types[] = {
	"task_struct", "page",     "mem_section", "list_head",    "pt_regs", "module",
	"orc_entry",   "prb_desc", "printk_info", "no_such_type", "",
};

static const char *const enumerators[] = {
	"PG_locked",      "PG_head",       "PG_reserved",       "__NR_PAGEFLAGS",     "ZONE_NORMAL",
	"__MAX_NR_ZONES", "CPUTIME_STEAL", "MODULE_STATE_LIVE", "no_such_enumerator",
};

static void ask_symbols(const struct la_door *d, FILE *to)
{
	for (size_t i = 0; i < N(symbols); i++) {
		uint64_t value = 4711, size = 4712;
		struct la_symbol at = { .name = NULL };
		const bool known = d->symbol(d->ctx, symbols[i], &value);

		fprintf(to, "symbol %s: %s %" PRIx64 "\n", symbols[i], known ? "at" : "none",
			value);
		if (!known && value != 4711)
			fprintf(to, "broken: symbol %s\n", symbols[i]);
		if (d->symbol_size(d->ctx, symbols[i], &size) ? !size : size != 4712)
			fprintf(to, "broken: size of %s is %" PRIu64 "\n", symbols[i], size);
		fprintf(to, "size of %s: %" PRIu64 "\n", symbols[i], size);
		/* offsets in per-CPU areas cover nothing */
		if (!known || value >> 60 != 9 || !d->symbol_at(d->ctx, value + 1, &at))
			continue;
		fprintf(to, "at %s + 1: %" PRIx64 " %s\n", symbols[i], at.start,
			at.module ? at.module : "kernel");
		if (at.start > value + 1 || (at.end && at.end <= value + 1))
			fprintf(to, "broken: %s from %" PRIx64 " to %" PRIx64 "\n", at.name,
				at.start, at.end);
	}
}

static void ask_types(const struct la_door *d, FILE *to)
{
	for (size_t i = 0; i < N(members); i++) {
		struct la_member m = { 4711, 4712 };
		const bool known = d->member(d->ctx, members[i][0], members[i][1], &m);

		fprintf(to, "member %s.%s: %s %zu %zu\n", members[i][0], members[i][1],
			known ? "at" : "none", m.offset, m.size);
		if (known ? strchr(members[i][1], '.') != NULL : m.offset != 4711 || m.size != 4712)
			fprintf(to, "broken: member %s.%s\n", members[i][0], members[i][1]);
	}
	for (size_t i = 0; i < N(types); i++) {
		size_t size = 4711;

		if (d->type_size(d->ctx, types[i], &size) ? !size : size != 4711)
			fprintf(to, "broken: size of type %s\n", types[i]);
		fprintf(to, "size of type %s: %zu\n", types[i], size);
	}
	for (size_t i = 0; i < N(enumerators); i++) {
		int64_t value = 4711;

		if (!d->enumerator(d->ctx, enumerators[i], &value) && value != 4711)
			fprintf(to, "broken: enumerator %s\n", enumerators[i]);
		fprintf(to, "enumerator %s: %" PRId64 "\n", enumerators[i], value);
	}
}

static void ask_memory(const struct la_door *d, FILE *to)
{
	unsigned char bytes[64];
	uint64_t address = 0;

	for (size_t i = 0; i < d->nram; i++) {
		const uint64_t start = d->ram[i].start, end = d->ram[i].end;

		fprintf(to, "RAM %" PRIx64 " to %" PRIx64 ": %d %d\n", start, end,
			d->read_phys(d->ctx, start, bytes, 8),
			d->read_phys(d->ctx, end - 8, bytes, 8));
		if (d->read_phys(d->ctx, end - 8, bytes, 16) == LA_OK &&
		    (i + 1 == d->nram || d->ram[i + 1].start != end))
			fprintf(to, "broken: reads behind RAM at %" PRIx64 "\n", end);
	}
	if (d->symbol(d->ctx, "_stext", &address) && d->file_bytes) {
		fprintf(to, "file has at _stext: %zu",
			d->file_bytes(d->ctx, address, bytes, sizeof(bytes)));
		for (size_t i = 0; i < sizeof(bytes); i++)
			fprintf(to, " %02x", bytes[i]);
		fprintf(to, "\nfile has at the end of addresses: %zu\n",
			d->file_bytes(d->ctx, UINT64_MAX - 8, bytes, sizeof(bytes)));
	}
}

void door_facts(const struct la_door *door, FILE *to)
{
	ask_symbols(door, to);
	ask_types(door, to);
	ask_memory(door, to);
}
