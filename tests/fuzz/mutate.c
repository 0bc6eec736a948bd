// SPDX-License-Identifier: GPL-3.0-or-later
// Random damage to a real dump: each time it is damaged, opened, read through, and mended again.
// Built with sanitizers; a run that ends has found nothing.
//
//   mutate DUMP COUNT [SEED]
//
// Places of damage are spread evenly over the logarithm of the offset: headers, bitmaps and
// descriptors are small and come first. Read are the first 32 MiB of each range of RAM and
// a thousand pages anywhere.
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lakvm/dump/dump.h"

#define HEAD_BYTES (32u << 20)
#define MAX_READS 20000
#define STRAY_READS 1000
#define LIMIT_SECONDS 20.0 /* CPU time for one damaged dump, under the sanitizers */

static uint64_t seed;

static uint64_t draw(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 16) % n;
}

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void put(int fd, uint64_t off, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n <= 0) {
			perror("write");
			exit(2);
		}
		p += n;
		off += (size_t)n;
		len -= (size_t)n;
	}
}

/* Returns the first changed byte; *end is behind the last one. */
static uint64_t damage(int fd, const uint8_t *sound, uint64_t size, uint64_t *end)
{
	static const uint8_t nasty[][8] = {
		{ 0 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0xff, 0xff, 0xff, 0x7f },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
		{ 0, 0, 0, 0x80 },
		{ 0, 0, 0, 0, 0, 0, 0, 0x80 },
		{ 1 },
	};
	uint64_t at = (uint64_t)exp(log((double)size) * (double)draw(1u << 30) / (1u << 30)) - 1;
	uint8_t bytes[64];
	size_t len;

	if (draw(10) == 0) {
		*end = size;
		if (ftruncate(fd, (off_t)at))
			exit(2);
		return at;
	}
	len = draw(3) ? 1 + draw(8) : 1 + draw(sizeof(bytes));
	if (len > size - at)
		len = (size_t)(size - at);
	memcpy(bytes, sound + at, len);
	switch (draw(3)) {
	case 0: /* one bit */
		bytes[draw(len)] ^= (uint8_t)(1u << draw(8));
		break;
	case 1:
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)draw(256);
		break;
	default:
		len = len > 8 ? 8 : len;
		memcpy(bytes, nasty[draw(sizeof(nasty) / sizeof(nasty[0]))], len);
	}
	put(fd, at, bytes, len);
	*end = at + len;
	return at;
}

struct tally {
	uint64_t refused, opened, reads, by_status[LA_NSTATUS];
};

static void read_all(struct la_dump *dump, struct tally *t)
{
	static uint8_t page[16384];
	struct la_arena *arena = la_arena_new(64 << 20);
	struct la_ram_range *r = NULL;
	struct la_dump_place place;
	struct la_error err = { "" };
	unsigned left = MAX_READS; /* damage can make many tiny ranges */
	size_t n = 0;

	la_dump_ram(dump, false, arena, &r, &n, &err);
	for (size_t i = 0; i < n; i++) {
		uint64_t end =
			r[i].end - r[i].start < HEAD_BYTES ? r[i].end : r[i].start + HEAD_BYTES;

		for (uint64_t pa = r[i].start; pa < end && left; pa += sizeof(page), left--) {
			t->by_status[la_dump_read(dump, pa, page, sizeof(page), &err)]++;
			t->reads++;
			la_error_clear(&err);
		}
	}
	for (unsigned i = 0; n && i < STRAY_READS; i++) {
		const struct la_ram_range *in = &r[draw(n)];
		uint64_t pa = in->start + draw(in->end - in->start);

		t->by_status[la_dump_read(dump, pa, page, 8, NULL)]++;
		t->reads++;
		if (i % 100 == 0)
			la_dump_explain(dump, pa, &place);
	}
	la_arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct la_dump_options opt = { .cache_mib = 4 };
	struct tally t = { 0 };
	double longest = 0, start, took;
	const uint8_t *sound;
	const char *paths[1];
	struct stat st;
	char path[32];
	int in, fd;

	if (argc < 3) {
		fprintf(stderr, "usage: mutate DUMP COUNT [SEED]\n");
		return 2;
	}
	seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	in = open(argv[1], O_RDONLY);
	fd = memfd_create("dump", 0);
	if (in < 0 || fd < 0 || fstat(in, &st) || !st.st_size) {
		perror(argv[1]);
		return 2;
	}
	sound = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0);
	if (sound == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	put(fd, 0, sound, (size_t)st.st_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	paths[0] = path;

	for (long i = atol(argv[2]); i > 0; i--) {
		uint64_t end, at = damage(fd, sound, (uint64_t)st.st_size, &end);
		struct la_error err = { "" };
		struct la_dump *dump;

		start = cpu();
		if (la_dump_open(&dump, paths, 1, &opt, &err)) {
			t.refused++;
			if (!err.text[0]) {
				fprintf(stderr, "refused without a word: damage at 0x%" PRIx64 "\n",
					at);
				return 1;
			}
		} else {
			t.opened++;
			read_all(dump, &t);
			la_dump_close(dump);
		}
		took = cpu() - start;
		longest = took > longest ? took : longest;
		if (took > LIMIT_SECONDS) {
			fprintf(stderr, "%.1f s after damage at 0x%" PRIx64 "\n", took, at);
			return 1;
		}
		put(fd, at, sound + at, (size_t)(end - at));
	}
	printf("%s: %" PRIu64 " refused, %" PRIu64 " opened, %" PRIu64 " reads, longest %.2f s\n",
	       argv[1], t.refused, t.opened, t.reads, longest);
	for (int i = 0; i < LA_NSTATUS; i++)
		if (t.by_status[i])
			printf("  %-45s %" PRIu64 "\n", la_status_text(i), t.by_status[i]);
	return 0;
}
