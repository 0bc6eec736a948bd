// SPDX-License-Identifier: GPL-3.0-or-later
// Migration streams that are damaged, or of another kind: each thing is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "stream.h"

#define SECONDS 20 /* of CPU time, under sanitizers; without a bound it takes hours */

static void refused(void **state)
{
	static const struct {
		unsigned flag;
		const char *says;
	} flags[] = {
		{ 0x40, "XBZRLE" }, { 0x80, "RDMA" }, { 0x100, "compressed" }, { 0x200, "multifd" }
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ftruncate(in, 0), 0);
		lseek(in, 0, SEEK_SET);
		head("virt-11.1");
		ram_start("loongarch.ram", 512 * MIB);
		ram_part(false);
		be(flags[i].flag, 8);
		la_error_clear(&err);
		check_says(convert_at(0), LA_UNSUPPORTED, flags[i].says);
	}
	assert_int_equal(ftruncate(in, 0), 0);
	lseek(in, 0, SEEK_SET);
	head("virt-11.1");
	be(8, 1); /* command: MIG_CMD_POSTCOPY_ADVISE */
	be(3, 2);
	be(16, 2);
	la_error_clear(&err);
	check_says(convert_at(0), LA_UNSUPPORTED, "postcopy");
	assert_int_equal(ftruncate(in, 0), 0);
	lseek(in, 0, SEEK_SET);
	head("virt-11.1");
	section(1, 1, "dirty-bitmap", 0, 1);
	la_error_clear(&err);
	check_says(convert_at(0), LA_UNSUPPORTED, "\"dirty-bitmap\"");
}

static void hostile(void **state)
{
	static const struct {
		uint64_t size, addr;
		const char *says;
		enum la_status status;
	} bad[] = {
		{ UINT64_C(1) << 60, 0, "loongarch.ram",
		  LA_CORRUPT },                                     /* more RAM than there can be */
		{ UINT64_C(1) << 45, 0, "33554432 MiB", LA_NOMEM }, /* more than the arena is for */
		{ 512 * MIB, 512 * MIB, "outside", LA_CORRUPT },
		{ 512 * MIB, 0x7ffffffffffff000, "outside", LA_CORRUPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ftruncate(in, 0), 0);
		lseek(in, 0, SEEK_SET);
		head("virt-11.1");
		ram_start("loongarch.ram", bad[i].size);
		ram_part(true);
		full_page("loongarch.ram", bad[i].addr, 0x11, 4096);
		ram_stop();
		la_error_clear(&err);
		check_says(convert_at(0), bad[i].status, bad[i].says);
	}
}

static void capability(const char *what)
{
	head("virt-11.1");
	be(5, 1);
	name("configuration/capabilities");
	be(1, 4);
	be(1, 4);
	name(what);
}

static void mapped_list(uint64_t version, uint64_t page_size)
{
	capability("mapped-ram");
	section(1, 2, "ram", 0, 4);
	be(512 * MIB | SIZES, 8);
	name("loongarch.ram");
	be(512 * MIB, 8);
	be(version, 4);
	be(page_size, 8);
	be(MIB, 8);
	be(2 * MIB, 8);
}

static void mapped_version(void)
{
	mapped_list(2, 4096);
}

static void mapped_page_size(void)
{
	mapped_list(1, 4097);
}

static void stream_version(void)
{
	raw("QEVM", 4);
	be(4, 4);
}

static void no_stream(void)
{
	raw("KDUMP   ", 8);
}

static void long_machine(void)
{
	raw("QEVM", 4);
	be(3, 4);
	be(7, 1);
	be(300, 4);
	raw(page, 300);
}

static void unknown_capability(void)
{
	capability("x-colo");
}

static void unknown_subsection(void)
{
	head("virt-11.1");
	be(5, 1);
	name("configuration/strange");
	be(1, 4);
}

static void ram_version(void)
{
	head("virt-11.1");
	section(1, 2, "ram", 0, 5);
}

static void no_text(void)
{
	head("virt-11.1");
	section(1, 2, "r\001m", 0, 4);
}

static void no_section(void)
{
	head("virt-11.1");
	be(0x55, 1);
}

static void only_flash(void)
{
	head("virt-11.1");
	section(1, 2, "ram", 0, 4);
	be(MIB | SIZES, 8);
	name("virt.flash0");
	be(MIB, 8);
}

static void in_ram(void)
{
	head("virt-11.1");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(false);
}

static void second_list(void)
{
	in_ram();
	be((512 * MIB) | SIZES, 8);
}

static void unknown_flags(void)
{
	in_ram();
	be(1, 8);
}

static void no_block(void)
{
	in_ram();
	zero_page(NULL, 0);
}

static void other_block(void)
{
	in_ram();
	zero_page("pc.ram", 0);
}

static void filled_first(void)
{
	in_ram();
	be(ZERO, 8);
	name("loongarch.ram");
	be(0x5a, 1);
}

static void zero_outside(void)
{
	in_ram();
	zero_page("loongarch.ram", 512 * MIB);
}

static void nothing_follows(void)
{
	in_ram();
	full_page("loongarch.ram", 0, 0xff, 4096);
	for (unsigned i = 0; i < 3; i++)
		raw(page, sizeof(page));
}

static void no_footer(void)
{
	in_ram();
	be(EOS, 8);
	be(0x7d, 1);
	be(2, 4);
}

/* Each thing of a stream that cannot be what it must be is named, and nothing behind it is taken for RAM. */
static void broken(void **state)
{
	static const struct {
		void (*make)(void);
		enum la_status status;
		const char *says;
	} bad[] = {
		{ mapped_version, LA_UNSUPPORTED, "mapped-ram of version 2" },
		{ mapped_page_size, LA_CORRUPT, "mapped-ram header" },
		{ stream_version, LA_UNSUPPORTED, "version 3" },
		{ no_stream, LA_ABSENT, "no migration stream" },
		{ long_machine, LA_CORRUPT, "300 bytes" },
		{ unknown_capability, LA_UNSUPPORTED, "x-colo" },
		{ unknown_subsection, LA_UNSUPPORTED, "\"configuration/strange\"" },
		{ ram_version, LA_UNSUPPORTED, "RAM of version 5" },
		{ no_text, LA_CORRUPT, "no text" },
		{ no_section, LA_CORRUPT, "0x55" },
		{ only_flash, LA_UNSUPPORTED, "no memory block is RAM" },
		{ second_list, LA_CORRUPT, "second list" },
		{ unknown_flags, LA_CORRUPT, "flags 0x1 " },
		{ no_block, LA_CORRUPT, "a page of no block" },
		{ other_block, LA_CORRUPT, "\"pc.ram\"" },
		{ filled_first, LA_UNSUPPORTED, "filled with 0x5a" },
		{ zero_outside, LA_CORRUPT, "outside \"loongarch.ram\"" },
		{ nothing_follows, LA_CORRUPT, "nothing that could follow" },
		{ no_footer, LA_CORRUPT, "end mark" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ftruncate(in, 0), 0);
		lseek(in, 0, SEEK_SET);
		bad[i].make();
		/* long enough that no failure is the end of the file */
		lseek(in, 65536 - 1, SEEK_END);
		raw("", 1);
		la_error_clear(&err);
		check_says(convert_at(0), bad[i].status, bad[i].says);
	}
}

/*
 * 10,000 places that look like the vCPU's section, each with an array of 4 Mi numbers behind it, as the one
 * description has it: the elements count, not the field.
 */
static void many_arrays(void **state)
{
	static const unsigned char start[] = { 4, 0, 0, 0, 10, 3, 'c', 'p', 'u',
					       0, 0, 0, 0, 0,  0, 0,   4 };
	static const char text[] =
		"{\"devices\":[{\"name\":\"cpu\",\"instance_id\":0,\"version\":4,\"fields\":["
		"{\"name\":\"a\",\"array_len\":4194304,\"size\":1}]}]}";
	const struct rlimit limit = { SECONDS, RLIM_INFINITY };
	static unsigned char starts[10000 * sizeof(start)];

	(void)state;
	for (size_t i = 0; i < sizeof(starts); i += sizeof(start))
		memcpy(starts + i, start, sizeof(start));
	head("virt-11.1");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(true);
	ram_stop();
	raw(starts, sizeof(starts));
	for (int i = 0; i < 80; i++)
		raw(page, sizeof(page));
	be(6, 1);
	be(strlen(text), 4);
	raw(text, strlen(text));
	assert_int_equal(setrlimit(RLIMIT_CPU, &limit), 0); /* of all that this program does */
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.nvcpus, 0);
	assert_non_null(strstr(result.unknown.text, "vCPU 0"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused),
		TEST(hostile),
		TEST(broken),
		TEST(many_arrays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
