// SPDX-License-Identifier: GPL-3.0-or-later
// Compare dumps of one frozen guest page by page: each with the first one, with -k each with what
// libkdumpfile reads from the same file, with -m each with the guest's RAM itself, as QEMU's pmemsave
// wrote it to a file whose name ends with "-" and the physical address of its first byte (guest.py --ram).
//
//   dumpcmp [-k] [-m RAM-ADDRESS]... DUMP...        a split dump is PART,PART...
//
// Exit 0: all equal. A page is equal if all read the same bytes; where one does not read, the
// reason is counted, and a difference in readability between dumps is a difference.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "kdumpfile.h"

#define PAGE 4096
#define MAX_SAVED 8

struct result {
	uint64_t pages, unequal, only_one, first_bad;
	uint64_t by_status[LA_NSTATUS];
};

static void differ(struct result *r, uint64_t *counter, uint64_t pa)
{
	if (!r->unequal && !r->only_one)
		r->first_bad = pa;
	++*counter;
}

static int report(const char *what, const struct result *r)
{
	printf("%s: %" PRIu64 " pages, %" PRIu64 " unequal, %" PRIu64 " readable in one only", what,
	       r->pages, r->unequal, r->only_one);
	if (r->unequal || r->only_one)
		printf(", first at 0x%" PRIx64, r->first_bad);
	for (int i = 1; i < LA_NSTATUS; i++)
		if (r->by_status[i])
			printf("; %" PRIu64 " %s", r->by_status[i], la_status_text(i));
	printf("\n");
	return r->unequal || r->only_one;
}

static int compare(struct la_dump *a, struct la_dump *b, const struct la_ram_range *ram, size_t n,
		   const char *what)
{
	static unsigned char pa_bytes[PAGE], pb_bytes[PAGE];
	struct result r = { 0 };

	for (size_t i = 0; i < n; i++) {
		for (uint64_t pa = ram[i].start; pa < ram[i].end; pa += PAGE) {
			enum la_status sa = la_dump_read(a, pa, pa_bytes, PAGE, NULL);
			enum la_status sb = la_dump_read(b, pa, pb_bytes, PAGE, NULL);

			r.pages++;
			r.by_status[sb]++;
			if (sa != sb)
				differ(&r, &r.only_one, pa);
			else if (!sa && memcmp(pa_bytes, pb_bytes, PAGE) != 0)
				differ(&r, &r.unequal, pa);
		}
	}
	return report(what, &r);
}

static int compare_lkd(struct la_dump *a, const char *path, const struct la_ram_range *ram,
		       size_t n)
{
	static unsigned char ours[PAGE], theirs[PAGE];
	struct lkd *lkd = lkd_open(path, 0);
	struct result r = { 0 };

	if (!lkd) {
		printf("%s: not readable by libkdumpfile\n", path);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		for (uint64_t pa = ram[i].start; pa < ram[i].end; pa += PAGE) {
			enum la_status sa = la_dump_read(a, pa, ours, PAGE, NULL);
			int sb = lkd_read(lkd, pa, theirs, PAGE);

			r.pages++;
			r.by_status[sa]++;
			if (!sa != !sb)
				differ(&r, &r.only_one, pa);
			else if (!sa && memcmp(ours, theirs, PAGE) != 0)
				differ(&r, &r.unequal, pa);
		}
	}
	lkd_close(lkd);
	return report(path, &r);
}

/* All of the file must read, and be equal. Adds what was compared to @total. */
static int compare_ram(struct la_dump *a, const char *dump, const char *path, uint64_t *total)
{
	static unsigned char ours[PAGE], theirs[PAGE];
	const char *address = strrchr(path, '-');
	FILE *in = fopen(path, "r");
	struct result r = { 0 };
	uint64_t pa;
	char what[512];

	if (!in || !address) {
		perror(path);
		exit(2);
	}
	for (pa = strtoull(address + 1, NULL, 16); fread(theirs, PAGE, 1, in) == 1; pa += PAGE) {
		enum la_status sa = la_dump_read(a, pa, ours, PAGE, NULL);

		r.pages++;
		r.by_status[sa]++;
		if (sa)
			differ(&r, &r.only_one, pa);
		else if (memcmp(ours, theirs, PAGE) != 0)
			differ(&r, &r.unequal, pa);
	}
	fclose(in);
	*total += r.pages * PAGE;
	snprintf(what, sizeof(what), "%s and %s", dump, path);
	return report(what, &r);
}

static int compare_saved(struct la_dump *a, const char *dump, char *const *saved, size_t n,
			 uint64_t size)
{
	uint64_t total = 0;
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= compare_ram(a, dump, saved[i], &total);
	if (n && total != size) {
		printf("%s: %" PRIu64 " bytes of RAM, %" PRIu64 " in the files\n", dump, size,
		       total);
		bad = 1;
	}
	return bad;
}

int main(int argc, char **argv)
{
	int with_lkd = 0, bad = 0, c;
	char *saved[MAX_SAVED];
	size_t nsaved = 0;
	uint64_t size = 0;
	struct la_arena *arena = la_arena_new((size_t)1 << 30);
	struct la_dump *first, *other;
	struct la_ram_range *ram;
	size_t n;

	while ((c = getopt(argc, argv, "km:")) != -1) {
		if (c == 'k')
			with_lkd = 1;
		else if (c == 'm' && nsaved < MAX_SAVED)
			saved[nsaved++] = optarg;
	}
	argv += optind;
	if (!*argv) {
		fprintf(stderr, "usage: dumpcmp [-k] [-m RAM-ADDRESS]... DUMP...\n");
		return 2;
	}
	first = open_ours(argv[0]);
	if (la_dump_ram(first, true, arena, &ram, &n, NULL))
		return 2;
	printf("%s: %s, block size %" PRIu32 "\n", argv[0], la_dump_format(first),
	       la_dump_block_size(first));
	for (size_t i = 0; i < n; i++) {
		size += ram[i].end - ram[i].start;
		printf("  0x%" PRIx64 "-0x%" PRIx64 ": present %" PRIu64 ", zero %" PRIu64
		       ", excluded %" PRIu64 ", missing %" PRIu64 "\n",
		       ram[i].start, ram[i].end, ram[i].present, ram[i].zero, ram[i].excluded,
		       ram[i].missing);
	}
	for (char **path = argv; *path; path++) {
		other = path == argv ? first : open_ours(*path);
		if (other != first)
			bad |= compare(first, other, ram, n, *path);
		bad |= compare_saved(other, *path, saved, nsaved, size);
		for (size_t i = 0; la_dump_remark(other, i); i++)
			printf("%s: remark: %s\n", *path, la_dump_remark(other, i));
		if (with_lkd)
			bad |= compare_lkd(other, *path, ram, n);
		if (other != first)
			la_dump_close(other);
	}
	la_dump_close(first);
	la_arena_free(arena);
	return bad;
}
