// SPDX-License-Identifier: GPL-3.0-or-later
// An extension that measures the reader behind pc->readmem: crash's own before lakvm is loaded,
// lakvm's after it. For a person: CPU times, and the ratio to the first call in the session.
//
//   printf 'extend build/loongarch64/crashbench.so\nlabench\nextend build/loongarch64/lakvm.so\nlabench\nq\n' |
//           crash --minimal VMLINUX DUMP
//
// The dump must be one that crash reads without lakvm: blocks of the guest's page size.
#include "crash_version.h"
#include "defs.h"

#include "draw.h"

#define GUEST_PAGE 16384
#define READS 300000
#define HOT_BYTES (24u << 20)
#define RAM_END (UINT64_C(64) << 30)
#define MAX_PAGES (1u << 20)

static uint64_t *ram, *stored; /* pages that read, and those of them that are not zero */
static size_t nram, nstored;
static uint64_t get(uint64_t pa)
{
	uint64_t v = 0;

	return pc->readmem(pc->dfd, &v, sizeof(v), 0, pa) == sizeof(v) ? v : 0;
}

static void find_pages(void)
{
	static uint64_t page[GUEST_PAGE / 8], zero[GUEST_PAGE / 8];

	ram = calloc(MAX_PAGES, sizeof(*ram));
	stored = calloc(MAX_PAGES, sizeof(*stored));
	for (uint64_t pa = 0; ram && stored && pa < RAM_END && nram < MAX_PAGES; pa += GUEST_PAGE) {
		if (pc->readmem(pc->dfd, page, GUEST_PAGE, 0, pa) != GUEST_PAGE)
			continue;
		ram[nram++] = pa;
		if (memcmp(page, zero, sizeof(page)) != 0)
			stored[nstored++] = pa;
	}
}

static uint64_t scan(void)
{
	static uint64_t page[GUEST_PAGE / 8];
	uint64_t sum = 0;

	for (size_t i = 0; i < nram; i++)
		if (pc->readmem(pc->dfd, page, GUEST_PAGE, 0, ram[i]) == GUEST_PAGE)
			sum += page[512];
	return sum;
}

static uint64_t random_reads(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < READS; i++)
		sum += get(ram[draw(nram)] + draw(GUEST_PAGE / 8) * 8);
	return sum;
}

static uint64_t hot_reads(void)
{
	size_t nhot = HOT_BYTES / GUEST_PAGE, stride = nstored / nhot ? nstored / nhot : 1;
	uint64_t sum = 0;

	nhot = nhot < nstored ? nhot : nstored;
	for (int i = 0; i < READS; i++)
		sum += get(stored[draw(nhot) * stride] + draw(GUEST_PAGE / 8) * 8);
	return sum;
}

/*
 * The guest's own pointers, from object to object; where a word is none, or a chain comes back to
 * where it was after 64 steps at most, it goes on somewhere else.
 */
static uint64_t chase(void)
{
	uint64_t sum = 0, at = stored[0];

	for (int i = 0; i < READS; i++) {
		uint64_t v = get(at);

		sum += v;
		at = v & 0xfffffffffff8; /* of an address in the direct mapping, the physical one */
		if (i % 64 == 63 || v >> 48 != 0x9000 || !v)
			at = stored[draw(nstored)] + draw(GUEST_PAGE / 8) * 8;
	}
	return sum;
}

static const struct {
	const char *name;
	uint64_t (*run)(void);
} work[] = {
	{ "scan", scan }, { "random", random_reads }, { "hot", hot_reads }, { "list", chase }
};

static void cmd_labench(void)
{
	static uint64_t first_sum[4];
	static double first[4];

	if (!nstored)
		find_pages();
	if (!nstored)
		error(FATAL, "no page of memory reads\n");
	fprintf(fp, "%zu pages, %zu not zero\n", nram, nstored);
	for (int i = 0; i < 4; i++) {
		double start, took;
		uint64_t sum;

		seed = 1;
		start = now();
		sum = work[i].run();
		took = now() - start;
		if (!first[i]) {
			first[i] = took;
			first_sum[i] = sum;
		}
		fprintf(fp, "%-8s %8.3f s  %6.2f x%s\n", work[i].name, took, first[i] / took,
			sum == first_sum[i] ? "" : "  different results!");
	}
}

static char *help[] = { "labench", "measure the reader of physical memory", "", NULL };
static struct command_table_entry commands[] = { { "labench", cmd_labench, help, MINIMAL },
						 { NULL } };

static void __attribute__((constructor)) load(void)
{
	register_extension(commands);
}
