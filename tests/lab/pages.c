// SPDX-License-Identifier: GPL-3.0-or-later
// A program of the lab's guests: has pages of every kind, and prints what the guest's kernel says of pages.
//
// pages make                 maps memory in every way that page tables can show, fills it, says "ready" and
//                            sleeps. What it filled are its own addresses. Another task, pages-again, has the
//                            same pages, but for some of a huge page.
// pages show PID...          "PID ADDRESS STATE PERMISSIONS AREA" for pages of each task, from /proc/PID/maps
//                            and pagemap. STATE is page-PFN-FLAGS-COUNT, as in /proc/kpageflags and kpagecount,
//                            page-PFN where those are empty, swap-TYPE-OFFSET or none; AREA of a file is
//                            PATH:INODE:INDEX, the page's index in it. Of each area the first and last pages,
//                            others between, and the pages on both sides of it.
// pages frames N             "PFN FLAGS COUNT" from /proc/kpageflags and kpagecount, for about N page frames.
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FEW 8      /* pages shown at each end of an area */
#define BETWEEN 24 /* and between them */

static size_t page_size;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Each word is its own address, of every page or of the first 16 bytes of every page. */
static void fill_until(char *start, size_t size, size_t end)
{
	for (size_t at = 0; at < size;
	     at += at % page_size < end - 8 ? 8 : page_size - at % page_size) {
		uint64_t *word = (uint64_t *)(start + at);

		*word = (uintptr_t)word;
	}
}

static void fill(char *start, size_t size)
{
	fill_until(start, size, page_size);
}

static char *map(size_t size, int flags, int fd)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static char *small_pages(size_t count)
{
	char *p = map(count * page_size, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(p, count * page_size, MADV_NOHUGEPAGE);
	return p;
}

/*
 * A huge page is as large as what one table of page-table entries covers; of another size there is none. With pages
 * of 64 KiB it has 512 MiB, which the lab's guests cannot spare.
 */
static char *huge_page(void)
{
	const size_t huge = page_size / 8 * page_size;
	const bool small = huge <= 64 << 20;
	char *p = map(3 * huge, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	p = (char *)(((uintptr_t)p + huge - 1) / huge * huge);
	if (madvise(p, huge, small ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		perror("madvise of a huge page");
	fill_until(p, small ? huge : 16 * page_size, 16);
	return p;
}

static _Noreturn void make(void)
{
	char *at, *huge;
	int fd;

	/* touched, untouched and touched again; a hole in the middle */
	at = small_pages(64);
	fill(at, 20 * page_size);
	fill(at + 40 * page_size, 24 * page_size);
	munmap(at + 50 * page_size, page_size);

	at = small_pages(16);
	fill(at, 16 * page_size);
	mprotect(at, 12 * page_size, PROT_NONE);

	at = small_pages(16);
	fill(at, 16 * page_size);
	if (madvise(at, 12 * page_size, MADV_PAGEOUT))
		perror("MADV_PAGEOUT");

	/* read only, so that the zero page is there */
	at = small_pages(16);
	for (size_t i = 0; i < 8; i++)
		(void)*(volatile char *)(at + i * page_size);

	huge = huge_page();
	at = huge_page();
	mprotect(at, page_size / 8 * page_size, PROT_NONE);
	/* of hugetlb, if the kernel has that, and has a page */
	at = mmap(NULL, page_size / 8 * page_size, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (at != MAP_FAILED)
		fill_until(at, page_size / 8 * page_size, 16);

	fd = open("/tmp/mapped", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(32 * page_size)))
		die("/tmp/mapped");
	at = map(32 * page_size, MAP_SHARED, fd);
	fill(at, 24 * page_size);
	at = map(32 * page_size, MAP_PRIVATE, fd);
	fill(at, 4 * page_size);
	for (size_t i = 8; i < 16; i++)
		(void)*(volatile char *)(at + i * page_size);

	/* the heap, past the C library: musl's brk() always fails */
	at = (char *)syscall(SYS_brk, 0);
	at += page_size - (uintptr_t)at % page_size;
	if ((char *)syscall(SYS_brk, at + 32 * page_size) != at + 32 * page_size)
		die("brk");
	fill(at, 24 * page_size);

	/* the other task maps the huge page by small entries, and not all of it */
	if (!fork()) {
		if (prctl(PR_SET_NAME, "pages-again") ||
		    munmap(huge + 4 * page_size, 4 * page_size))
			die("pages-again");
		fd = open("/tmp/pages-ready", O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			die("/tmp/pages-ready");
	}
	for (;;)
		pause();
}

/*
 * The word of a page frame. Linux 6.1 has none on LoongArch: these files end at max_pfn, which its setup.c does not set
 * (6.12.117's does).
 */
static bool word_of(const char *path, uint64_t pfn, uint64_t *word)
{
	const int fd = open(path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		die(path);
	got = pread(fd, word, sizeof(*word), (off_t)(pfn * sizeof(*word)));
	close(fd);
	return got == sizeof(*word);
}

/* @inode: of a file, of which @index is the page's number; 0 = none. */
static void show_page(int fd, const char *pid, uintptr_t address, const char *permissions,
		      const char *area, uint64_t inode, uint64_t index)
{
	uint64_t entry = 0, pfn, flags, count;

	/* above the last address that can be mapped, there is nothing to read */
	if (pread(fd, &entry, sizeof(entry), (off_t)(address / page_size * sizeof(entry))) !=
	    sizeof(entry))
		return;
	printf("%s %" PRIxPTR " ", pid, address);
	pfn = entry & ((UINT64_C(1) << 55) - 1);
	if (entry >> 63) {
		printf("page-%" PRIx64, pfn);
		if (word_of("/proc/kpageflags", pfn, &flags) &&
		    word_of("/proc/kpagecount", pfn, &count))
			printf("-%" PRIx64 "-%" PRIu64, flags, count);
	} else if (entry >> 62 & 1)
		printf("swap-%" PRIu64 "-%" PRIu64, entry & 31,
		       entry >> 5 & ((UINT64_C(1) << 50) - 1));
	else
		printf("none");
	printf(" %s %s", permissions, area);
	if (inode)
		printf(":%" PRIu64 ":%" PRIu64, inode, index);
	printf("\n");
}

static void show(const char *pid)
{
	uintptr_t start, end, last = 0;
	char path[64], line[512];
	FILE *maps;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (!maps || fd < 0)
		die(path);
	while (fgets(line, sizeof(line), maps)) {
		char permissions[8], area[256] = "anonymous";
		uint64_t offset, inode;
		size_t count, step;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %" SCNx64 " %*s %" SCNu64 " %255s",
			   &start, &end, permissions, &offset, &inode, area) < 5)
			continue;
		if (last && last < start)
			show_page(fd, pid, last, "-", "behind", 0, 0);
		if (start && last < start - page_size)
			show_page(fd, pid, start - page_size, "-", "before", 0, 0);
		count = (end - start) / page_size;
		step = count > 2 * FEW ? (count - 2 * FEW) / BETWEEN + 1 : 1;
		for (size_t i = 0; i < count; i += i < FEW || i + FEW >= count ? 1 : step)
			show_page(fd, pid, start + i * page_size, permissions, area, inode,
				  offset / page_size + i);
		last = end;
	}
	show_page(fd, pid, last, "-", "behind", 0, 0);
	fclose(maps);
	close(fd);
}

static void frames(size_t wanted)
{
	const off_t step = sysconf(_SC_PHYS_PAGES) / (off_t)wanted | 1;
	const int flags = open("/proc/kpageflags", O_RDONLY),
		  count = open("/proc/kpagecount", O_RDONLY);
	uint64_t two[2];

	if (flags < 0 || count < 0)
		die("/proc/kpageflags, kpagecount");
	for (off_t pfn = 0;
	     pread(flags, &two[0], 8, pfn * 8) == 8 && pread(count, &two[1], 8, pfn * 8) == 8;
	     pfn += step)
		if (!(two[0] >> 20 & 1)) /* KPF_NOPAGE */
			printf("%jx %" PRIx64 " %" PRIu64 "\n", (intmax_t)pfn, two[0], two[1]);
}

int main(int argc, char **argv)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	if (argc == 2 && !strcmp(argv[1], "make"))
		make();
	if (argc > 2 && !strcmp(argv[1], "show"))
		for (int i = 2; i < argc; i++)
			show(argv[i]);
	else if (argc == 3 && !strcmp(argv[1], "frames"))
		frames(strtoul(argv[2], NULL, 0));
	else
		return fprintf(stderr, "pages: see the head of tests/lab/pages.c\n"), 2;
	return 0;
}
