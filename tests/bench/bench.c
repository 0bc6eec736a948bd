// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the dump reader, never tests it: what it gives is a table for a person.
//
//   bench pair [-c PAGES] DUMP...   against libkdumpfile on the same file, in turns, three rounds;
//                                   -c: libkdumpfile's page cache (its own default is 1024)
//                                   ends with whole-file jobs on one thread and on all processors
//   bench open DUMP...              time to open, in the page cache (CPU) and cold (waiting for the
//                                   disk included), to count the states of all pages (map), and memory
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "draw.h"
#include "kdumpfile.h"
#include "lakvm/base/threads.h"
#include "lakvm/dump/search.h"

#define ROUNDS 3
#define READS 1000000
#define GUEST_PAGE 16384 /* a search asks for whole guest pages */
#define HOT_BYTES (24u << 20)

/* Resident memory in MiB: of the process's own, and of files it has mapped. */
static void resident(double *own, double *mapped)
{
	long all = 0, shared = 0, page = sysconf(_SC_PAGESIZE);
	FILE *in = fopen("/proc/self/statm", "r");

	if (!in || fscanf(in, "%*d %ld %ld", &all, &shared) != 2)
		all = shared = 0;
	if (in)
		fclose(in);
	*own = (double)(all - shared) * (double)page / (1 << 20);
	*mapped = (double)shared * (double)page / (1 << 20);
}

static double wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* One reader behind one function, so that both are called the same way. */
struct reader {
	struct la_dump *ours;
	struct lkd *theirs;
};

static int get(struct reader *r, uint64_t pa, void *ret, size_t len)
{
	if (r->ours)
		return la_dump_read(r->ours, pa, ret, len, NULL) != LA_OK;
	return lkd_read(r->theirs, pa, ret, len);
}

/* Addresses to read, made once for both. */
struct work {
	const char *name;
	const struct la_ram_range *ram; /* a scan; else: */
	size_t nram;
	uint64_t *pa;
	size_t n;
	size_t chain; /* else: nodes at pa[0] to pa[chain - 1], each read tells the next one */
};

static double run(struct reader *r, const struct work *w, uint64_t *check, uint64_t *failed)
{
	static uint8_t page[GUEST_PAGE];
	uint64_t v, sum = 0;
	double start = now();

	*failed = 0;
	for (size_t i = 0; i < w->nram; i++) {
		for (uint64_t pa = w->ram[i].start; pa < w->ram[i].end; pa += GUEST_PAGE) {
			if (get(r, pa, page, GUEST_PAGE)) {
				++*failed;
				continue;
			}
			memcpy(&v, page + 4096, sizeof(v));
			sum += v;
		}
	}
	/*
	 * No dump has such a list, so what was read only stirs the choice; but no read can begin
	 * before the one before it is done.
	 */
	for (size_t i = 0, at = 0; w->chain && i < w->n; i++) {
		if (get(r, w->pa[at], &v, sizeof(v)))
			++*failed;
		else
			sum += v ^ i;
		at = (size_t)((sum ^ i * UINT64_C(0x9e3779b97f4a7c15)) % w->chain);
	}
	for (size_t i = 0; !w->chain && i < w->n; i++) {
		if (get(r, w->pa[i], &v, sizeof(v)))
			++*failed;
		else
			sum += v ^ i;
	}
	*check = sum;
	return now() - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void pair(const char *path, const struct work *w, unsigned cache_pages)
{
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS], bytes = 0;
	uint64_t a, b, fa, fb;

	for (int i = 0; i < ROUNDS; i++) {
		struct reader o = { .ours = open_ours(path) };
		struct reader t = { .theirs = lkd_open(path, cache_pages) };

		ours[i] = run(&o, w, &a, &fa);
		la_dump_close(o.ours);
		if (!t.theirs) {
			theirs[i] = 0;
		} else {
			theirs[i] = run(&t, w, &b, &fb);
			lkd_close(t.theirs);
			if (a != b || fa != fb)
				printf("different results!\n");
		}
		ratio[i] = theirs[i] / ours[i];
	}
	qsort(ours, ROUNDS, sizeof(double), by_value);
	qsort(theirs, ROUNDS, sizeof(double), by_value);
	qsort(ratio, ROUNDS, sizeof(double), by_value);
	for (size_t i = 0; i < w->nram; i++)
		bytes += (double)(w->ram[i].end - w->ram[i].start);
	if (w->nram)
		printf("  %-10s %9.2f GB/s %9.2f GB/s", w->name, bytes / ours[1] * 1e-9,
		       theirs[1] > 0 ? bytes / theirs[1] * 1e-9 : 0);
	else
		printf("  %-10s %9.3f M/s  %9.3f M/s ", w->name, (double)w->n / ours[1] * 1e-6,
		       theirs[1] > 0 ? (double)w->n / theirs[1] * 1e-6 : 0);
	printf("  %7.1f x   (%.1f to %.1f)\n", ratio[1], ratio[0], ratio[ROUNDS - 1]);
	fflush(stdout);
}

/* The n-th byte of RAM. */
static uint64_t address(const struct la_ram_range *ram, size_t n, uint64_t at)
{
	for (size_t i = 0; i < n; i++) {
		if (at < ram[i].end - ram[i].start)
			return ram[i].start + at;
		at -= ram[i].end - ram[i].start;
	}
	return 0;
}

/* Pages of the guest that are not the zero page, 4096 bytes each. */
static uint64_t *stored_pages(const char *path, const struct la_ram_range *ram, size_t n,
			      size_t *ret_n)
{
	struct la_dump *dump = open_ours(path);
	static uint64_t page[512], zero[512];
	size_t cap = 1 << 16, count = 0;
	uint64_t *list = malloc(cap * sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		for (uint64_t pa = ram[i].start; pa < ram[i].end; pa += 4096) {
			if (la_dump_read(dump, pa, page, sizeof(page), NULL) ||
			    memcmp(page, zero, sizeof(page)) == 0)
				continue;
			if (count == cap) {
				list = realloc(list, (cap *= 2) * sizeof(*list));
				if (!list)
					exit(2);
			}
			list[count++] = pa;
		}
	}
	la_dump_close(dump);
	*ret_n = count;
	return list;
}

/* What the processor takes for nothing but a copy of the file, if it is all there: of a new mapping, and again. */
static void bare_copy(const char *path)
{
	static uint8_t page[GUEST_PAGE];
	double took[2] = { 1e9, 1e9 };
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size) {
		close(fd);
		return;
	}
	const size_t size = (size_t)st.st_size / GUEST_PAGE * GUEST_PAGE;

	for (int round = 0; round < ROUNDS; round++) {
		const uint8_t *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (map == MAP_FAILED)
			break;
		for (int again = 0; again < 2; again++) {
			const double start = now();

			for (size_t at = 0; at < size; at += GUEST_PAGE) {
				memcpy(page, map + at, GUEST_PAGE);
				__asm__ volatile("" ::"r"(page) : "memory");
			}
			if (now() - start < took[again])
				took[again] = now() - start;
		}
		munmap((void *)(uintptr_t)map, size);
	}
	close(fd);
	printf("  %-10s %9.2f GB/s of a new mapping, %.2f GB/s of the same again\n", "memcpy",
	       (double)size / took[0] * 1e-9, (double)size / took[1] * 1e-9);
}

/* Time on the clock, the best of three: the map of memory, and a search for what is not there. */
static void whole_file(const char *path, unsigned threads, double *map, double *search)
{
	const struct la_search s = { .what = { .size = 8, .low = 1, .high = 1 },
				     .threads = threads };
	const struct la_dump_options opt = { .threads = threads };

	*map = *search = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		struct la_arena *arena = la_arena_new((size_t)1 << 30);
		struct la_search_result found;
		struct la_ram_range *ram;
		struct la_dump *dump;
		double took;
		size_t n;

		if (la_dump_open(&dump, &path, 1, &opt, NULL))
			exit(2);
		took = wall();
		if (la_dump_ram(dump, true, arena, &ram, &n, NULL))
			exit(2);
		took = wall() - took;
		*map = took < *map ? took : *map;
		took = wall();
		if (la_dump_search(dump, &s, arena, &found, NULL))
			exit(2);
		took = wall() - took;
		*search = took < *search ? took : *search;
		la_dump_close(dump);
		la_arena_free(arena);
	}
}

static void at_once(const char *path, uint64_t ram)
{
	const unsigned n = la_processors();
	double map[2], search[2];

	whole_file(path, 1, &map[0], &search[0]);
	whole_file(path, n, &map[1], &search[1]);
	printf("  %-10s %9.2f GB/s, on %u processors %.2f GB/s: %.2f x (clock)\n", "search",
	       (double)ram / search[0] * 1e-9, n, (double)ram / search[1] * 1e-9,
	       search[0] / search[1]);
	printf("  %-10s %9.2f ms, on %u processors %.2f ms: %.2f x (clock)\n", "map", map[0] * 1e3,
	       n, map[1] * 1e3, map[0] / map[1]);
	fflush(stdout);
}

static void pair_dump(const char *path, unsigned cache_pages)
{
	struct la_arena *arena = la_arena_new((size_t)1 << 30);
	struct la_dump *dump = open_ours(path);
	struct la_ram_range *ram;
	struct work w = { 0 };
	uint64_t total = 0, *page;
	size_t nram, npages, nhot;
	char format[64];

	if (la_dump_ram(dump, false, arena, &ram, &nram, NULL))
		exit(2);
	for (size_t i = 0; i < nram; i++)
		total += ram[i].end - ram[i].start;
	page = stored_pages(path, ram, nram, &npages);
	printf("%s: %s, blocks of %" PRIu32 ", %.1f GiB of RAM, %.1f MiB not zero\n", path,
	       la_dump_format(dump), la_dump_block_size(dump), (double)total / (1 << 30),
	       (double)npages / 256);
	printf("  %-10s %14s %14s  %9s\n", "", "lakvm", "libkdumpfile", "ratio");
	snprintf(format, sizeof(format), "%s", la_dump_format(dump));
	la_dump_close(dump);

	w = (struct work){ .name = "scan", .ram = ram, .nram = nram };
	pair(path, &w, cache_pages);

	w = (struct work){ .name = "random", .pa = malloc(READS * sizeof(*w.pa)), .n = READS };
	seed = 1;
	for (size_t i = 0; i < READS; i++)
		w.pa[i] = address(ram, nram, draw(total / 8) * 8);
	pair(path, &w, cache_pages);

	/* All over the pages that hold something: nearly each read must decompress. */
	w.name = "stored";
	w.n = READS / 10;
	for (size_t i = 0; i < w.n && npages; i++)
		w.pa[i] = page[draw(npages)] + draw(512) * 8;
	pair(path, &w, cache_pages);

	/* A hot set: 24 MiB of such pages, scattered as a kernel's objects are. */
	w.name = "hot";
	w.n = READS;
	nhot = HOT_BYTES / 4096;
	for (size_t i = 0; i < nhot && i < npages; i++) {
		size_t k = i + draw(npages - i);
		uint64_t t = page[i];

		page[i] = page[k];
		page[k] = t;
	}
	if (nhot > npages)
		nhot = npages;
	for (size_t i = 0; i < w.n && nhot; i++)
		w.pa[i] = page[draw(nhot)] + draw(512) * 8;
	pair(path, &w, cache_pages);

	/*
	 * From object to object, 20,000 of them, each in a page of its own: more than either cache holds.
	 */
	w.name = "list";
	w.n = READS / 5;
	w.chain = 20000;
	for (size_t i = 0; i < w.chain && npages; i++)
		w.pa[i] = page[draw(npages)] + draw(64) * 64;
	pair(path, &w, cache_pages);
	w.chain = 0;
	w.n = READS;

	/* 24 MiB in one piece, mostly zero pages on an idle guest. */
	w.name = "hot-range";
	for (size_t i = 0; i < w.n; i++)
		w.pa[i] = address(ram, nram, total / 2 / 4096 * 4096 + draw(HOT_BYTES / 8) * 8);
	pair(path, &w, cache_pages);
	if (!strncmp(format, "ELF", 3))
		bare_copy(path);
	at_once(path, total);
	free(w.pa);
	free(page);
	la_arena_free(arena);
}

/* Out of the page cache, so that opening is a read of the disk. */
static void forget(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		perror(path);
	close(fd);
}

static void open_dump(const char *path)
{
	double best = 1e9, start, took, cold, map, own0, own1, own2, mapped0, mapped;
	struct la_arena *arena = la_arena_new((size_t)1 << 30);
	struct la_ram_range *ram;
	struct la_dump *dump;
	uint64_t total = 0, v;
	size_t n;

	resident(&own0, &mapped0);
	forget(path);
	start = wall();
	dump = open_ours(path);
	cold = wall() - start;
	resident(&own1, &mapped);
	for (int i = 0; i < 2; i++) { /* the second time out of the page cache */
		start = now();
		if (la_dump_ram(dump, true, arena, &ram, &n, NULL))
			exit(2);
		map = now() - start;
	}
	for (size_t i = 0; i < n; i++)
		total += ram[i].end - ram[i].start;
	seed = 1;
	for (int i = 0; i < READS; i++)
		la_dump_read(dump, address(ram, n, draw(total / 8) * 8), &v, sizeof(v), NULL);
	resident(&own2, &mapped);
	la_dump_close(dump);
	for (int i = 0; i < ROUNDS; i++) {
		start = now();
		dump = open_ours(path);
		took = now() - start;
		best = took < best ? took : best;
		la_dump_close(dump);
	}
	printf("%-34s %7.1f GiB  open %6.2f ms, cold %6.1f ms  map %6.1f ms  bitmap %5.1f MiB  memory %5.1f"
	       " MiB, after %d reads %5.1f MiB and %.1f MiB of the file\n",
	       path, (double)total / (1 << 30), best * 1e3, cold * 1e3, map * 1e3,
	       n ? (double)ram[n - 1].end / 4096 / 8 / (1 << 20) : 0.0, own1 - own0, READS,
	       own2 - own0, mapped - mapped0);
	la_arena_free(arena);
}

int main(int argc, char **argv)
{
	unsigned cache_pages = 0;
	int i = 2;

	if (argc > 4 && strcmp(argv[2], "-c") == 0) {
		cache_pages = (unsigned)atoi(argv[3]);
		i = 4;
	}
	if (argc < 3 || (strcmp(argv[1], "pair") != 0 && strcmp(argv[1], "open") != 0)) {
		fprintf(stderr, "usage: bench pair [-c PAGES] DUMP... | bench open DUMP...\n");
		return 2;
	}
	for (; i < argc; i++) {
		if (strcmp(argv[1], "pair") == 0)
			pair_dump(argv[i], cache_pages);
		else
			open_dump(argv[i]);
	}
	return 0;
}
