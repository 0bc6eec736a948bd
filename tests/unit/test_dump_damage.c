// SPDX-License-Identifier: GPL-3.0-or-later
// The dump reader on broken dumps: each damage has its status, and a sentence that names it.
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lakvm/dump/dump.h"
#include "dump/notes.h"
#include "opened.h"

struct damage {
	const char *text;
	enum la_status open;
	const char *says; /* part of the message, or of a remark if it opens */
	uint64_t pa;      /* if it opens: what reading this gives */
	enum la_status read;
};

/*
 * Layout of "kdump" with little RAM, in blocks of 4096: header, sub-header, bitmap 1, bitmap 2,
 * descriptors from 0x4000, then page data.
 */
#define SMALL "kdump method=zlib\nram 0 64K words\nram 1M 64K noise\n"

static const struct damage damages[] = {
	/* header */
	{ SMALL "set version 0\n", LA_UNSUPPORTED, "version 0", 0, 0 },
	{ SMALL "set version 7\n", LA_UNSUPPORTED, "version 7", 0, 0 },
	{ SMALL "set version 0xffffffff\n", LA_UNSUPPORTED, "version -1", 0, 0 },
	{ SMALL "set block_size 0\n", LA_CORRUPT, "block size 0", 0, 0 },
	{ SMALL "set block_size 1\n", LA_CORRUPT, "block size 1", 0, 0 },
	{ SMALL "set block_size 4095\n", LA_CORRUPT, "block size 4095", 0, 0 },
	{ SMALL "set block_size 0x80000000\n", LA_CORRUPT, "block size 2147483648", 0, 0 },
	{ SMALL "set block_size 0xffffffff\n", LA_CORRUPT, "block size", 0, 0 },
	{ SMALL "set sub_hdr_size 0\n", LA_CORRUPT, "sub-header of 0", 0, 0 },
	{ SMALL "set sub_hdr_size 0xffffffff\n", LA_CORRUPT, "sub-header of -1", 0, 0 },
	{ SMALL "set sub_hdr_size 0x7fffffff\n", LA_TRUNCATED, "bitmap", 0, 0 },
	{ SMALL "set bitmap_blocks 0\n", LA_CORRUPT, "bitmap of 0 blocks", 0, 0 },
	{ SMALL "set bitmap_blocks 0xffffffff\n", LA_TRUNCATED, "bitmap 2", 0, 0 },
	{ SMALL "set max_mapnr_64 0xffffffffffffffff\n", LA_CORRUPT, "page frames", 0, 0 },
	{ SMALL "set max_mapnr_64 0x1000000000\nset bitmap_blocks 0xffffffff\n", LA_TRUNCATED,
	  "bitmap of", 0, 0 },
	{ SMALL "set max_mapnr_64 0x100000\n", LA_CORRUPT, "bitmap of 2 blocks", 0, 0 },
	{ SMALL "set max_mapnr_64 0\nset max_mapnr 0\n", LA_CORRUPT, "0 page frames", 0, 0 },
	{ SMALL "truncate 100\n", LA_TRUNCATED, "kdump header", 0, 0 },
	{ SMALL "truncate 4100\n", LA_TRUNCATED, "sub-header", 0, 0 },
	{ SMALL "truncate 0x2010\n", LA_TRUNCATED, "bitmap 2", 0, 0 },
	{ SMALL "truncate 0\n", LA_ABSENT, "", 0, 0 },
	{ SMALL "truncate 8\n", LA_ABSENT, "", 0, 0 },
	{ SMALL "set signature 0\n", LA_ABSENT, "no dump format", 0, 0 },
	{ SMALL "poke 0 4449534b44554d50\n", LA_UNSUPPORTED, "diskdump", 0, 0 },
	{ SMALL "poke 0 5145564d00000003\n", LA_UNSUPPORTED, "migration stream", 0, 0 },
	{ SMALL "poke 0 4c69627669727451 656d756453617665\n", LA_UNSUPPORTED, "virsh save", 0, 0 },

	/* bits that say something */
	{ SMALL "set status 9\n", LA_OK, "incomplete", 8, LA_OK },
	{ SMALL "set status 0x11\n", LA_OK, "struct pages", 8, LA_OK },

	/* page descriptors: 0 is page frame 0, 16 is page frame 0x100 */
	{ SMALL "desc 0 offset 0\n", LA_OK, NULL, 8, LA_TRUNCATED },
	{ SMALL "desc 0 offset 0\n", LA_OK, NULL, 4096, LA_OK },
	{ SMALL "desc 0 offset 0x3000\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 offset 0x8000000000000000\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 offset 0xfffffffffffffff0\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 offset 0x7fffffffffffffff\n", LA_OK, NULL, 8, LA_TRUNCATED },
	{ SMALL "desc 0 offset 0x10000000\n", LA_OK, NULL, 8, LA_TRUNCATED },
	{ SMALL "desc 0 offset 0x4100\n", LA_OK, NULL, 8, LA_CORRUPT }, /* not zlib data */
	{ SMALL "desc 0 size 0\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 size 10\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 size 4097\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 size 0xffffffff\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 3\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 0x40\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 2\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 4\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 0x20\n", LA_OK, NULL, 8, LA_CORRUPT },
	{ SMALL "desc 0 flags 0\n", LA_OK, NULL, 8, LA_CORRUPT }, /* raw, but not a block */
	{ SMALL "desc 16 size 4095\n", LA_OK, NULL, 1 << 20, LA_CORRUPT },
	{ SMALL "desc 16 offset 0x3000\n", LA_OK, NULL, 1 << 20, LA_CORRUPT }, /* bitmap as page */

	/* cut off */
	{ SMALL "truncate 0x4010\n", LA_OK, "cut off", 8, LA_TRUNCATED },
	{ SMALL "truncate 0x4100\n", LA_OK, "cut off", 8, LA_TRUNCATED },
	{ SMALL "truncate -1\n", LA_OK, "cut off", 0x10f000, LA_TRUNCATED },
	{ SMALL "truncate -1\n", LA_OK, "cut off", 0x10e000, LA_OK },

	/* areas outside the file are not worth failing for */
	{ SMALL "prstatus 1\nset size_note 0xffffffffffffffff\n", LA_OK, "notes", 8, LA_OK },
	{ SMALL "prstatus 1\nset offset_note 0x8000000000000000\n", LA_OK, "notes", 8, LA_OK },
	{ SMALL "vmcoreinfo A=B\nset size_vmcoreinfo 0x7fffffffffffffff\n", LA_OK, "VMCOREINFO", 8,
	  LA_OK },
	{ SMALL "eraseinfo x\nset offset_eraseinfo 0x7fffffffffffffff\n", LA_OK, "erase info", 8,
	  LA_OK },

	/* parts */
	{ SMALL "set split 1\nset start_pfn_64 0\nset end_pfn_64 8\n", LA_OK, "not given", 0x9000,
	  LA_TRUNCATED },
	{ SMALL "set split 1\nset start_pfn_64 9\nset end_pfn_64 8\n", LA_CORRUPT, "split dump", 0,
	  0 },
	{ SMALL "set split 1\nset start_pfn_64 0xffffffffffffffff\nset end_pfn_64 "
		"0xffffffffffffffff\n",
	  LA_CORRUPT, "split dump", 0, 0 },

	/* flattened: one record header is at 4096, its data behind it */
	{ SMALL "flatten\npoke 16 0000000000000002\n", LA_UNSUPPORTED, "type 2", 0, 0 },
	{ SMALL "flatten\npoke 24 0000000000000009\n", LA_UNSUPPORTED, "version 9", 0, 0 },
	{ SMALL "flatten\ntruncate 4096\n", LA_TRUNCATED, "", 0, 0 },
	{ SMALL "flatten\ntruncate 4100\n", LA_TRUNCATED, "", 0, 0 },
	{ SMALL "flatten\npoke 4096 8000000000000000\n", LA_TRUNCATED, "", 0, 0 },
	{ SMALL "flatten\npoke 4104 ffffffffffffff00\n", LA_TRUNCATED, "", 0, 0 },
	{ SMALL "flatten\npoke 4104 7fffffffffffffff\n", LA_TRUNCATED, "", 0, 0 },
	{ SMALL "flatten no-end\n", LA_OK, "no sound record", 8, LA_OK },
	{ SMALL "flatten no-end record=0x8000\ntruncate -4000\n", LA_OK, "no sound record",
	  0x10f000, LA_TRUNCATED },
	{ SMALL "flatten no-end record=0x8000\ntruncate -4000\n", LA_OK, "no sound record", 8,
	  LA_OK },
	/* The second of these records holds the descriptors; pages of the others stay readable. */
	{ SMALL "flatten record=0x4000\npoke 0x5010 0000000000100000\n", LA_OK, "cut off", 8,
	  LA_TRUNCATED },
	/*
	 * Zeros where the record of 0x5000 should be, and page 0 in it: the rest was never written.
	 */
	{ SMALL "flatten record=4096\npoke 0x6050 0000000000000000 0000000000000000\n", LA_OK,
	  "no sound record from 0x6050", 8, LA_TRUNCATED },

	/*
	 * Pages from 0x5180 on, record 6 of 0x6000 sent elsewhere: a gap is zeros only in a whole file.
	 */
	{ "kdump method=raw\nram 0 64K words\nflatten record=4096 no-end\n"
	  "poke 0x7060 0000000010000000\n",
	  LA_OK, "no sound record", 3840, LA_TRUNCATED },

	/*
	 * ELF: e_phoff 64, PT_NOTE, then PT_LOADs of 56 bytes: p_offset 8, p_paddr 24, p_filesz 32
	 */
	{ "elf\nram 0 64K words\nset e_class 1\n", LA_UNSUPPORTED, "64-bit", 0, 0 },
	{ "elf\nram 0 64K words\nset e_data 2\n", LA_UNSUPPORTED, "little-endian", 0, 0 },
	{ "elf\nram 0 64K words\nset e_type 2\n", LA_UNSUPPORTED, "type 2", 0, 0 },
	{ "elf\nram 0 64K words\nset e_phentsize 32\n", LA_CORRUPT, "of 32 bytes", 0, 0 },
	{ "elf\nram 0 64K words\nset e_phnum 0\n", LA_CORRUPT, "without memory", 0, 0 },
	{ "elf\nram 0 64K words\nset e_phnum 60000\n", LA_TRUNCATED, "60000 program headers", 0,
	  0 },
	{ "elf\nram 0 64K words\nset e_phoff 0x8000000000000000\n", LA_TRUNCATED, "headers at", 0,
	  0 },
	{ "elf xnum phoff=192\nram 0 64K words\npoke 108 ffffffff\n", LA_TRUNCATED,
	  "4294967295 program headers", 0, 0 },
	{ "elf xnum phoff=192\nram 0 64K words\nset e_shoff 0xffffffffffffffff\n", LA_TRUNCATED,
	  "section header", 0, 0 },
	{ "elf\nram 0 64K words\npoke 144 ffffffffffffffff\n", LA_CORRUPT, "physical", 0, 0 },
	{ "elf\nram 0 64K words\npoke 128 ffffffffffffffff\n", LA_CORRUPT, "offset", 0, 0 },
	{ "elf\nram 0 64K words\npoke 152 ffffffffffffff7f\n", LA_CORRUPT, "segment", 0, 0 },
	{ "elf\nram 0 64K words\npoke 152 0000100000000000\n", LA_OK, "cut off", 0x20000,
	  LA_TRUNCATED },
	{ "elf\nram 0 64K words\ntruncate -100\n", LA_OK, "cut off", 65528, LA_TRUNCATED },
	{ "elf\nram 0 64K words\ntruncate -100\n", LA_OK, "cut off", 65536 - 108, LA_OK },
	{ "elf\nram 0 64K words\ntruncate 70\n", LA_TRUNCATED, "program headers", 0, 0 },
	{ "elf\nram 0 64K words\ntruncate 20\n", LA_TRUNCATED, "ELF header", 0, 0 },
	{ "elf\nprstatus 1\nram 0 64K words\npoke 96 ffffffffff000000\n", LA_OK, NULL, 8, LA_OK },
	{ "elf\nprstatus 1\nram 0 64K words\npoke 96 ffffff0000000000\n", LA_OK, "notes", 8,
	  LA_OK },
	/* Two segments turned into notes, each of nearly the whole file. */
	{ "elf\nram 0 64K words\nram 64K 64K words\nram 128K 64K words\npoke 176 04000000\n"
	  "poke 208 0000030000000000\npoke 232 04000000\npoke 264 0000030000000000\n",
	  LA_OK, "more bytes than the file", 8, LA_OK },
};

static bool says(const struct opened *o, const char *what)
{
	const char *remark;

	if (!what)
		return true;
	if (!o->dump)
		return strstr(o->err.text, what);
	for (size_t i = 0; (remark = la_dump_remark(o->dump, i)); i++)
		if (strstr(remark, what))
			return true;
	return false;
}

static void test_damages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct la_dump_place place;
		struct la_error err = { "" };
		enum la_status status;
		struct opened o;
		uint64_t v;

		opened_make(&o, d->text, 1, NULL);
		if (o.status != d->open || !o.dump != !!d->open)
			fail_msg("%sopens with: %s, %s", d->text, la_status_text(o.status),
				 o.err.text);
		if (!says(&o, d->says))
			fail_msg("%ssays: %s; %s", d->text, o.err.text,
				 o.dump && la_dump_remark(o.dump, 0) ? la_dump_remark(o.dump, 0) :
								       "nothing");
		if (o.dump) {
			status = la_dump_read(o.dump, d->pa, &v, 8, &err);
			if (status != d->read || !err.text[0] != !status)
				fail_msg("%sreads: %s, %s", d->text, la_status_text(status),
					 err.text);
			la_dump_explain(o.dump, d->pa, &place);
			if (place.status != d->read || !place.reason[0] != !d->read)
				fail_msg("%sexplains: %s, %s", d->text,
					 la_status_text(place.status), place.reason);
		}
		opened_free(&o);
	}
}

/*
 * Without a handler, a mapping would end the process with SIGBUS here. Where the cut goes through a
 * page of the file, the mapping has zeros behind it, which must not pass for the guest's memory.
 */
static void test_shrinks_while_open(void **state)
{
	static const char *const text[] = {
		"kdump method=raw\nram 0 1M noise\n",
		"kdump method=zlib\nram 0 1M words\n",
		"kdump method=lzo\nram 0 1M words\n",
		"kdump method=snappy\nram 0 1M words\n",
		"kdump method=zstd\nram 0 1M words\n",
		"elf skew=5\nram 0 1M words\n",
		"elf\nram 0 1M mixed\n",
		"kdump\nram 0 1M words\nflatten\n",
	};
	static uint8_t got[4096], want[4096];
	uint64_t pa;

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		size_t failed_in_all = 0; /* in one run it may all be in memory already */

		for (unsigned cut = 1; cut < 40; cut++) {
			size_t failed = 0;
			size_t len = cut % 2 ? 8 : 4096;
			struct la_error err = { "" };
			struct opened o;
			struct stat st;
			char says[64];

			opened_make(&o, text[i], 1, NULL);
			assert_non_null(o.dump);
			for (pa = 0; pa < 1 << 20 && cut % 3; pa += 12288) /* some known before */
				assert_int_equal(la_dump_read(o.dump, pa, got, 8, NULL), LA_OK);
			assert_int_equal(stat(o.path[0], &st), 0);
			assert_int_equal(truncate(o.path[0], st.st_size / 40 * cut + cut), 0);
			snprintf(says, sizeof(says), "shorter: it ends at 0x%" PRIx64,
				 (uint64_t)st.st_size / 40 * cut + cut);
			for (pa = 0; pa < 1 << 20; pa += 4096) {
				uint64_t at = (pa * 7 + 1000) % (1 << 20) / len * len;
				enum la_status status = la_dump_read(o.dump, at, got, len, &err);

				mkdump_bytes(o.m, at, want, len);
				if (!status) {
					assert_memory_equal(got, want, len);
					continue;
				}
				assert_int_equal(status, LA_TRUNCATED);
				assert_non_null(strstr(err.text, says));
				la_error_clear(&err);
				failed++;
			}
			if (failed)
				assert_string_equal(la_dump_shrank(o.dump), o.path[0]);
			else
				assert_null(la_dump_shrank(o.dump));
			failed_in_all += failed;
			opened_free(&o);
		}
		assert_true(failed_in_all > 1000);
	}
}

static sigjmp_buf bus_error;

static void on_bus_error(int sig)
{
	(void)sig;
	siglongjmp(bus_error, 1);
}

static void (*handler(void))(int)
{
	struct sigaction now;

	assert_int_equal(sigaction(SIGBUS, NULL, &now), 0);
	return now.sa_handler;
}

/*
 * SIGBUS that is not the reader's goes to whoever had it before, and the last close gives it back.
 */
static void test_bus_error_of_others(void **state)
{
	static struct opened a, b;
	char path[] = "/tmp/lakvm-map.XXXXXX";
	int fd = mkstemp(path);
	volatile char *map;
	void (*ours)(int);

	(void)state;
	assert_true(fd >= 0 && ftruncate(fd, 4096) == 0);
	unlink(path);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED && ftruncate(fd, 0) == 0);
	signal(SIGBUS, on_bus_error);
	opened_make(&a, "elf\nram 0 64K words\n", 1, NULL);
	ours = handler();
	assert_ptr_not_equal(ours, on_bus_error);
	opened_make(&b, "kdump\nram 0 64K words\n", 1, NULL);
	if (!sigsetjmp(bus_error, 1)) {
		(void)*map;
		fail_msg("no SIGBUS");
	}
	if (!sigsetjmp(bus_error, 1)) {
		raise(SIGBUS);
		fail_msg("no SIGBUS");
	}
	opened_free(&a);
	assert_ptr_equal(handler(), ours);
	opened_free(&b);
	assert_ptr_equal(handler(), on_bus_error);
	signal(SIGBUS, SIG_DFL);
	munmap((void *)(uintptr_t)map, 4096);
	close(fd);
}

/*
 * Who puts a handler over the reader's may keep faults to himself: no mapping is used below it, his
 * handler stays, and once he has given ours back, the last close gives back what was there before.
 */
static void test_handler_over_ours(void **state)
{
	struct la_dump_stats below, alone;
	struct opened a, b, c;
	struct sigaction ours;

	(void)state;
	signal(SIGBUS, on_bus_error);
	opened_make(&a, "elf\nram 0 64K words\n", 1, NULL);
	assert_int_equal(sigaction(SIGBUS, NULL, &ours), 0);
	signal(SIGBUS, SIG_IGN); /* his */
	opened_make(&b, "elf\nram 0 64K words\n", 1, NULL);
	assert_null(opened_wrong(&b));
	la_dump_stats(b.dump, &below);
	opened_free(&a);
	opened_free(&b);
	assert_ptr_equal(handler(), SIG_IGN);
	assert_int_equal(sigaction(SIGBUS, &ours, NULL), 0);
	opened_make(&c, "elf\nram 0 64K words\n", 1, NULL);
	assert_null(opened_wrong(&c));
	la_dump_stats(c.dump, &alone);
	opened_free(&c);
	assert_ptr_equal(handler(), on_bus_error);
	signal(SIGBUS, SIG_DFL);
	assert_true(below.file_reads > 2 * alone.file_reads); /* by pread, not from a mapping */
}

/* A file that no address space has room for cannot be mapped and reads all the same. */
static void test_too_large_to_map(void **state)
{
	static const char *const text[] = { "elf\nram 0 1M mixed\n", "kdump\nram 0 1M mixed\n" };
	struct opened o = { .n = 0 };
	void (*before)(int) = handler();
	const char *path;
	char name[64];
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		fd = memfd_create("dump", 0);
		assert_true(fd >= 0);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		path = name;
		o.m = mkdump_parse(text[i]);
		mkdump_write(o.m, path);
		assert_int_equal(ftruncate(fd, INT64_C(1) << 62), 0);
		assert_ptr_equal(mmap(NULL, (size_t)1 << 62, PROT_READ, MAP_PRIVATE, fd, 0),
				 MAP_FAILED);
		assert_int_equal(la_dump_open(&o.dump, &path, 1, NULL, &o.err), LA_OK);
		assert_ptr_equal(handler(), before); /* no mapping, no handler */
		assert_null(opened_wrong(&o));
		opened_free(&o);
		close(fd);
	}
}

static void test_no_files(void **state)
{
	char path[] = "/tmp/lakvm-fifo.XXXXXX", *name;
	struct la_error err = { "" };
	struct la_dump *dump;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_true(asprintf(&name, "%s/fifo", path) > 0);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(la_dump_open(&dump, (const char *const *)&name, 1, NULL, &err),
			 LA_UNSUPPORTED);
	assert_non_null(strstr(err.text, "neither a file"));
	unlink(name);
	la_error_clear(&err);
	assert_int_equal(la_dump_open(&dump, (const char *const *)&name, 1, NULL, &err), LA_IO);
	assert_non_null(strstr(err.text, "cannot open"));
	assert_non_null(strstr(err.text, "No such file or directory"));
	la_error_clear(&err);
	assert_int_equal(la_dump_open(&dump, NULL, 0, NULL, &err), LA_INVALID);
	assert_true(err.text[0]);
	rmdir(path);
	free(name);
	assert_int_equal(la_dump_open(&dump, (const char *[]){ "/tmp" }, 1, NULL, &err),
			 LA_UNSUPPORTED);
}

static void test_foreign_part(void **state)
{
	struct la_error err = { "" };
	struct la_dump *dump;
	struct opened a, b;

	(void)state;
	opened_make(&a, "kdump\nram 0 64K words\nsplit 2\n", 2, NULL);
	opened_make(&b, "kdump\nram 0 60K words\nram 60K 4K excluded\nsplit 2\n", 2, NULL);
	assert_int_equal(la_dump_open(&dump, (const char *[]){ a.path[0], b.path[1] }, 2, NULL,
				      &err),
			 LA_INVALID);
	assert_non_null(strstr(err.text, "not parts of one dump"));
	opened_free(&a);
	opened_free(&b);
}

static void test_note_areas(void **state)
{
	/* name size, descriptor size, type, name, descriptor */
	static const uint8_t good[] = "\x0b\0\0\0\x03\0\0\0\0\0\0\0VMCOREINFO\0\0A=B";
	uint8_t bad[sizeof(good)];
	size_t size;

	(void)state;
	assert_memory_equal(la_notes_text(good, 27, "VMCOREINFO", &size), "A=B", 3);
	assert_int_equal(size, 3);
	for (size_t cut = 0; cut < 27; cut++) {
		assert_null(la_notes_text(good, cut, "VMCOREINFO", &size));
		assert_int_equal(size, 0);
	}
	for (size_t i = 0; i < 8; i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = 0xff;
		assert_null(la_notes_text(bad, 27, "VMCOREINFO", &size));
	}
	assert_null(la_notes_text(NULL, 0, "VMCOREINFO", &size));
}

static void be64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* The index of a flattened file must not take many times the file's own size. */
static void test_tiny_records(void **state)
{
	const size_t count = 3 << 20, each = 17;
	char path[] = "/tmp/lakvm-tiny.XXXXXX", *name = path;
	struct la_error err = { "" };
	struct la_dump *dump;
	int fd = mkstemp(path);
	uint8_t *all = calloc(1, 4096 + count * each);

	(void)state;
	memcpy(all, "makedumpfile", 12);
	be64(all + 16, 1);
	be64(all + 24, 1);
	for (size_t i = 0; i < count; i++) {
		be64(all + 4096 + i * each, 2 * i);
		be64(all + 4096 + i * each + 8, 1);
	}
	assert_int_equal(write(fd, all, 4096 + count * each), 4096 + count * each);
	free(all);
	close(fd);
	assert_int_equal(la_dump_open(&dump, (const char *const *)&name, 1, NULL, &err),
			 LA_CORRUPT);
	assert_non_null(strstr(err.text, "smaller ones than any writer makes"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damages),
		cmocka_unit_test(test_shrinks_while_open),
		cmocka_unit_test(test_bus_error_of_others),
		cmocka_unit_test(test_handler_over_ours),
		cmocka_unit_test(test_too_large_to_map),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_foreign_part),
		cmocka_unit_test(test_note_areas),
		cmocka_unit_test(test_tiny_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
