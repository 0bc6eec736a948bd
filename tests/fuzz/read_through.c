// SPDX-License-Identifier: GPL-3.0-or-later
// A file from the fuzzer: opened, mapped out, read in all the ways there are.
#include "read_through.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lakvm/dump/dump.h"

/* Reads for one input: a bitmap of a few bytes stands for thousands of pages. */
#define MAX_READS 200

static void read_ranges(struct la_dump *dump, const struct la_ram_range *r, size_t n)
{
	static uint8_t buf[2 << 20];
	uint32_t block = la_dump_block_size(dump);
	struct la_dump_place place;
	struct la_error err = { "" };
	unsigned reads = 0;

	for (size_t i = 0; i < n && reads < MAX_READS; i++) {
		uint64_t step = (r[i].end - r[i].start) / block / 50 * block + block;

		for (uint64_t pa = r[i].start; pa < r[i].end && reads < MAX_READS; pa += step) {
			la_dump_read(dump, pa, buf, block, &err);
			la_dump_read(dump, pa + block - 3, buf, 8, NULL);
			la_dump_explain(dump, pa + 1, &place);
			reads++;
		}
		la_dump_read(dump, r[i].start, buf, sizeof(buf), NULL);
		la_dump_read(dump, r[i].end - 1, buf, 2, NULL);
	}
	la_dump_read(dump, UINT64_MAX - 3, buf, 4, NULL);
	la_dump_read(dump, UINT64_MAX - 3, buf, 5, NULL);
	la_dump_explain(dump, UINT64_MAX, &place);
}

void read_through(const void *head, size_t head_size, const uint8_t *data, size_t size)
{
	const struct la_dump_options opt = { .cache_mib = 1, .zero_excluded = size & 1 };
	struct la_arena *arena = la_arena_new(16 << 20);
	const char *paths[1];
	struct la_error err = { "" };
	struct la_ram_range *r;
	struct la_dump *dump;
	char path[32];
	size_t n;
	int fd = memfd_create("dump", 0);

	if (fd < 0 || write(fd, head, head_size) != (ssize_t)head_size ||
	    write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	paths[0] = path;
	if (la_dump_open(&dump, paths, 1, &opt, &err) == LA_OK) {
		la_dump_notes(dump, &n);
		la_dump_vmcoreinfo(dump, &n);
		la_dump_eraseinfo(dump, &n);
		la_dump_ram(dump, true, arena, &r, &n, &err);
		read_ranges(dump, r, n);
		la_dump_close(dump);
	} else if (!err.text[0]) {
		abort(); /* refused without a word */
	}
	close(fd);
	la_arena_free(arena);
}
