// SPDX-License-Identifier: GPL-3.0-or-later
// Migration streams: what becomes of pages and of registers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "lakvm/isa/regs.h"
#include "lakvm/regs/text.h"
#include "stream.h"

#define GPR(cpu, n) (0x9000000000000000 + 0x1000 * (cpu) + (n))
#define PC(cpu) (0x9000000000345670 + (cpu))

/* A vCPU's state in the order that the description below gives; none of QEMU's. */
static void cpu_section(unsigned cpu, unsigned version)
{
	section(4, 10 + cpu, "cpu", cpu, version);
	be(0xb0, 8);
	for (unsigned n = 0; n < 32; n++)
		be(n ? GPR(cpu, n) : 0, 8);
	be(PC(cpu), 8);
	be(0xabcd, 2); /* something unknown */
	be(0x9000000000555000 + cpu, 8);
	for (unsigned n = 0; n < 4; n++)
		be(n, 8);
	be(5, 1);
	name("cpu/fpu");
	be(1, 4);
	for (unsigned n = 0; n < 32; n++)
		be(0x3ff0000000000000 + n, 8);
	be(7, 4);
	for (unsigned n = 0; n < 8; n++)
		be(n == 3, 1);
	footer(10 + cpu);
}

static void description(unsigned cpus, unsigned version, const char *last_csr)
{
	static const char one[] =
		"%s{\"name\":\"cpu\",\"instance_id\":%u,\"vmsd_name\":\"cpu\",\"version\":%u,\"fields\":["
		"{\"name\":\"env.CSR_CRMD\",\"type\":\"uint64\",\"size\":8},"
		"{\"name\":\"env.gpr\",\"array_len\":32,\"type\":\"uint64\",\"size\":8},"
		"{\"name\":\"env.pc\",\"type\":\"uint64\",\"size\":8},"
		"{\"name\":\"later\",\"type\":\"struct\",\"struct\":{\"fields\":[{\"name\":\"x\",\"size\":2}]},\"size\":2},"
		"{\"name\":\"%s\",\"type\":\"uint64\",\"size\":8},"
		"{\"name\":\"env.CSR_DMW\",\"array_len\":4,\"type\":\"uint64\",\"size\":8}],"
		"\"subsections\":[{\"vmsd_name\":\"cpu/fpu\",\"version\":1,\"fields\":["
		"{\"name\":\"env.fpr\",\"array_len\":32,\"type\":\"struct\",\"struct\":{\"fields\":"
		"[{\"name\":\"UD[0]\",\"size\":8}]},\"size\":8},"
		"{\"name\":\"env.fcsr0\",\"size\":4},{\"name\":\"env.cf\",\"array_len\":8,\"size\":1}]}]}";
	char *text = la_format(
		arena,
		"{\"page_size\":4096,\"devices\":["
		"{\"name\":\"timer\",\"instance_id\":0,\"version\":2,\"fields\":[{\"name\":\"t\",\"size\":3}]},");

	for (unsigned i = 0; i < cpus; i++) {
		char *more = la_format(arena, one, i ? "," : "", i, version, last_csr);

		text = la_format(arena, "%s%s", text, more);
	}
	text = la_format(arena, "%s]}", text);
	be(0, 1); /* end of the sections */
	be(6, 1);
	be(strlen(text), 4);
	raw(text, strlen(text));
}

/* 512 MiB: pages at both ends of low and high RAM, one sent twice, one zero later. */
static void whole(unsigned version)
{
	head("virt-11.1");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(false);
	full_page("loongarch.ram", 0, 0x11, 4096);
	full_page(NULL, 0x1000, 0x22, 4096);
	zero_page(NULL, 0x2000);
	full_page(NULL, 256 * MIB - 4096, 0x33, 4096);
	full_page("virt.flash0", 0, 0xff, 4096);
	ram_stop();
	ram_part(true);
	full_page("loongarch.ram", 0x1000, 0x44, 4096);
	zero_page(NULL, 0);
	full_page(NULL, 256 * MIB, 0x55, 4096);
	full_page(NULL, 512 * MIB - 4096, 0x66, 4096);
	ram_stop();
	section(4, 9, "timer", 0, 2);
	raw("\4\3c", 3); /* a device's state may look like anything */
	footer(9);
	cpu_section(0, version);
	cpu_section(1, version);
}

/* The stream as a seed for the fuzzer, if the Makefile asks for it. */
static void seed(const char *what)
{
	const char *directory = getenv("LAKVM_FUZZ_SEEDS");
	size_t size = (size_t)lseek(in, 0, SEEK_END);
	void *data;
	FILE *file;

	if (!directory)
		return;
	data = mmap(NULL, size, PROT_READ, MAP_SHARED, in, 0);
	file = fopen(la_format(arena, "%s/migration-%s.bin", directory, what), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
	munmap(data, size);
}

static void pages(void **state)
{
	struct la_ram_range *ram;
	struct la_dump *dump;
	struct stat st;
	size_t n;

	(void)state;
	whole(4);
	description(2, 4, "env.CSR_ERA");
	assert_int_equal(convert_at(0), LA_OK);
	assert_string_equal(result.machine, "virt-11.1");
	assert_int_equal(result.page_size, 4096);
	assert_int_equal(result.ram, 512 * MIB);
	assert_int_equal(result.high_base, 0x80000000);
	dump = open_dump();
	assert_int_equal(la_dump_ram(dump, false, arena, &ram, &n, &err), LA_OK);
	assert_int_equal(n, 2);
	assert_int_equal(ram[0].end, 256 * MIB);
	assert_int_equal(ram[1].start, 0x80000000);
	assert_int_equal(ram[1].end, 0x80000000 + 256 * MIB);
	check_page(dump, 0, 0); /* zero later */
	check_page(dump, 0x1000, 0x44);
	check_page(dump, 0x2000, 0);
	check_page(dump, 256 * MIB - 4096, 0x33);
	check_page(dump, 0x80000000, 0x55);
	check_page(dump, 0x80001000, 0);
	check_page(dump, 0x80000000 + 256 * MIB - 4096, 0x66);
	la_dump_close(dump);
	fstat(out, &st);
	assert_true(st.st_blocks * 512 < (off_t)MIB); /* sparse */
}

static void registers(void **state)
{
	struct la_vcpu_regs *text, *notes;
	struct la_regs_text said;
	struct la_dump *dump;
	size_t n, size;
	uint64_t value;
	const void *area;

	(void)state;
	whole(9);
	description(2, 9, "env.sys_states[0].CSR_ERA");
	seed("whole");
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.nvcpus, 2);
	assert_int_equal(la_regs_text(arena, result.registers, strlen(result.registers), &said,
				      &err),
			 LA_OK);
	text = said.vcpu;
	assert_int_equal(said.n, 2);
	assert_null(said.remark);
	dump = open_dump();
	area = la_dump_notes(dump, &size);
	assert_int_equal(la_notes_regs(arena, area, size, &notes, &n, &err), LA_OK);
	assert_int_equal(n, 2);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		assert_int_equal(text[cpu].pid, cpu + 1);
		assert_int_equal(notes[cpu].pid, cpu + 1);
		assert_true(text[cpu].regs.pc_known);
		assert_int_equal(text[cpu].regs.pc, PC(cpu));
		for (unsigned r = 1; r < 32; r++) {
			assert_true(la_gpr_get(&text[cpu].regs, r, &value));
			assert_int_equal(value, GPR(cpu, r));
			assert_true(la_gpr_get(&notes[cpu].regs, r, &value));
			assert_int_equal(value, GPR(cpu, r));
		}
		assert_true(la_csr_get(&text[cpu].regs, LA_CSR_CRMD, &value));
		assert_int_equal(value, 0xb0);
		assert_true(la_csr_get(&text[cpu].regs, LA_CSR_DMW3, &value));
		assert_int_equal(value, 3);
		assert_true(la_csr_get(&notes[cpu].regs, LA_CSR_ERA, &value));
		assert_int_equal(value, 0x9000000000555000 + cpu);
		assert_false(
			la_csr_get(&text[cpu].regs, LA_CSR_PRMD, &value)); /* not in the stream */
	}
	/* NT_FPREGSET of vCPU 0: behind its head and PRSTATUS; arch_dump.c has the layout. */
	memcpy(&value, (const char *)area + 500 + 20 + 8 * 31, 8);
	assert_int_equal(value, 0x3ff0000000000000 + 31);
	memcpy(&value, (const char *)area + 500 + 20 + 256, 8);
	assert_int_equal(value, 1 << 24); /* condition flag 3 */
	la_dump_close(dump);
}

static void no_description(void **state)
{
	(void)state;
	whole(4);
	assert_int_equal(convert_at(0), LA_OK);
	assert_null(result.registers);
	assert_int_equal(result.nvcpus, 0);
	assert_non_null(strstr(result.unknown.text, "without a description"));
	la_dump_close(open_dump());
}

/* The description must be of this stream: a field too many, and nothing is believed. */
static void wrong_description(void **state)
{
	(void)state;
	whole(4);
	description(3, 4, "env.CSR_ERA");
	assert_int_equal(convert_at(0), LA_OK);
	assert_null(result.registers);
	assert_non_null(strstr(result.unknown.text, "vCPU 2"));
	la_dump_close(open_dump());
}

/* Cut off anywhere: an error inside the RAM, behind it a dump without registers. */
static void cut(void **state)
{
	bool in_ram = false;
	uint64_t size;

	(void)state;
	whole(4);
	description(2, 4, "env.CSR_ERA");
	size = (uint64_t)lseek(in, 0, SEEK_END);
	for (uint64_t at = size; at-- > 0; at -= at > 4000 ? 700 : at > 40 ? 3 : 0) {
		enum la_status status;

		assert_int_equal(ftruncate(in, (off_t)at), 0);
		assert_int_equal(ftruncate(out, 0), 0);
		la_error_clear(&err);
		status = convert_at(0);
		if (status == LA_OK) {
			assert_false(in_ram);
			assert_int_equal(result.nvcpus, 0);
		} else {
			in_ram = true;
			check_says(status, LA_TRUNCATED, "ends");
		}
		la_arena_free(arena);
		arena = la_arena_new(256 << 20);
	}
	assert_true(in_ram);
}

/* QEMU up to 8.1: pages of 16 KiB, high RAM elsewhere, a machine without a version. */
static void old_qemu(void **state)
{
	struct la_dump *dump;

	(void)state;
	head("virt");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(true);
	zero_page("loongarch.ram", 0);
	full_page(NULL, 0x4000, 0x11, 16384);
	full_page(NULL, 256 * MIB, 0x22, 16384);
	ram_stop();
	seed("old");
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.page_size, 16384);
	assert_int_equal(result.high_base, 0x90000000);
	dump = open_dump();
	check_page(dump, 0x7000, 0x11);
	check_page(dump, 0x90003000, 0x22);
	la_dump_close(dump);
	assert_int_equal(ftruncate(out, 0), 0);
	assert_int_equal(convert_at(0x80000000), LA_OK);
	assert_int_equal(result.high_base, 0x80000000);
	assert_string_equal(result.high_base_from, "as told");
}

/* What the machine itself told the guest goes before the age of QEMU. */
static void device_tree(void **state)
{
	static const char node[] = "memory@90000000";

	(void)state;
	head("virt-9.9");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(true);
	be(MIB | PAGE, 8);
	name("loongarch.ram");
	memset(page, 0, 4096);
	memcpy(page, "\xd0\x0d\xfe\xed", 4);
	memcpy(page + 1000, node, sizeof(node));
	raw(page, 4096);
	ram_stop();
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.high_base, 0x90000000);
	assert_string_equal(result.high_base_from, "the guest's device tree");
}

/* The largest first, as QEMU lists them; the nodes' numbers tell the order in memory. */
static void numa(void **state)
{
	struct la_dump *dump;

	(void)state;
	head("virt-10.0");
	section(1, 2, "ram", 0, 4);
	be((896 * MIB) | SIZES, 8);
	name("ram-node1");
	be(512 * MIB, 8);
	name("ram-node0");
	be(320 * MIB, 8);
	name("memdimm0");
	be(32 * MIB, 8);
	name("0000:00:01.0/virtio-net-pci.rom");
	be(32 * MIB, 8);
	be(EOS, 8);
	footer(2);
	ram_part(true);
	full_page("ram-node1", 0, 0x11, 4096);
	full_page("ram-node0", 0, 0x22, 4096);
	full_page("memdimm0", 0, 0x33, 4096);
	ram_stop();
	seed("numa");
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.ram, 832 * MIB);
	assert_non_null(strstr(result.left_out, "memdimm0 (32 MiB)"));
	assert_null(strstr(result.left_out, "rom"));
	dump = open_dump();
	check_page(dump, 0, 0x22);
	check_page(dump, 0x80000000 + 64 * MIB, 0x11);
	la_dump_close(dump);
}

static void mapped_ram(void **state)
{
	const uint64_t size = 512 * MIB, bitmap = MIB, pages_at = 2 * MIB;
	struct la_dump *dump;

	(void)state;
	head("virt-11.1");
	be(5, 1);
	name("configuration/capabilities");
	be(1, 4);
	be(1, 4);
	name("mapped-ram");
	section(1, 2, "ram", 0, 4);
	be(size | SIZES, 8);
	name("loongarch.ram");
	be(size, 8);
	be(1, 4);
	be(4096, 8);
	be(bitmap, 8);
	be(pages_at, 8);
	lseek(in, (off_t)(bitmap + 65536 / 8), SEEK_SET);
	be(0x81, 1); /* pages 65536 and 65543 */
	lseek(in, (off_t)(pages_at + 256 * MIB), SEEK_SET);
	memset(page, 0x77, 8192);
	raw(page, 8192); /* the second one is not in the map */
	lseek(in, (off_t)(pages_at + 256 * MIB + 7 * 4096), SEEK_SET);
	raw(page, 4096);
	lseek(in, (off_t)(pages_at + size), SEEK_SET);
	be(EOS, 8);
	footer(2);
	ram_part(true);
	ram_stop();
	cpu_section(0, 4);
	description(1, 4, "env.CSR_ERA");
	assert_int_equal(convert_at(0), LA_OK);
	assert_int_equal(result.nvcpus, 1);
	assert_int_equal(result.stored, 8192);
	dump = open_dump();
	check_page(dump, 0x80000000, 0x77);
	check_page(dump, 0x80001000, 0);
	check_page(dump, 0x80007000, 0x77);
	la_dump_close(dump);
}

/* QEMU sends a page of one repeated byte as that byte. */
static void filled_page(void **state)
{
	struct la_dump *dump;

	(void)state;
	head("virt-11.1");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(true);
	full_page("loongarch.ram", 0, 0x11, 4096);
	be(0x1000 | ZERO | CONTINUE, 8);
	be(0x5a, 1);
	zero_page(NULL, 0x2000);
	ram_stop();
	assert_int_equal(convert_at(0), LA_OK);
	dump = open_dump();
	check_page(dump, 0, 0x11);
	check_page(dump, 0x1000, 0x5a);
	check_page(dump, 0x2000, 0);
	la_dump_close(dump);
}

/* A million million fields in a few hundred bytes: an answer, and soon. */
static void endless_description(void **state)
{
	char *text, *fields = la_strndup(arena, "", 0);

	(void)state;
	for (int i = 0; i < 1000; i++)
		fields = la_format(arena, "%s{\"size\":0},", fields);
	head("virt-11.1");
	ram_start("loongarch.ram", 512 * MIB);
	ram_part(true);
	ram_stop();
	section(4, 10, "cpu", 0, 4);
	for (int i = 0; i < 64; i++)
		raw(page, sizeof(page));
	text = la_format(
		arena,
		"{\"devices\":[{\"name\":\"cpu\",\"instance_id\":0,\"version\":4,\"fields\":["
		"{\"name\":\"a\",\"array_len\":4194304,\"size\":1,\"struct\":{\"fields\":[%s{}]}}]}]}",
		fields);
	be(6, 1);
	be(strlen(text), 4);
	raw(text, strlen(text));
	alarm(10);
	assert_int_equal(convert_at(0), LA_OK);
	alarm(0);
	assert_int_equal(result.nvcpus, 0);
	assert_non_null(strstr(result.unknown.text, "vCPU 0"));
}

static void find(void **state)
{
	unsigned char header[92] = "LibvirtQemudSave";
	struct la_saved saved;

	(void)state;
	for (size_t cut = 12; cut < sizeof(header); cut++) {
		assert_int_equal(ftruncate(in, 0), 0);
		lseek(in, 0, SEEK_SET);
		raw(header, cut);
		la_error_clear(&err);
		check_says(la_saved_find(in, &saved, &err), LA_TRUNCATED,
			   "inside libvirt's header");
	}
	lseek(in, 0, SEEK_SET);
	header[16] = 2;   /* version */
	header[20] = 100; /* length of the XML */
	raw(header, sizeof(header));
	check_says(la_saved_find(in, &saved, &err), LA_TRUNCATED, "0xc0");
	lseek(in, 192, SEEK_SET);
	head("virt-11.1");
	assert_int_equal(la_saved_find(in, &saved, &err), LA_OK);
	assert_true(saved.libvirt);
	assert_int_equal(saved.start, 192);
	assert_int_equal(saved.packer, LA_PACKER_NONE);
	lseek(in, 192, SEEK_SET);
	raw("\x28\xb5\x2f\xfd", 4);
	assert_int_equal(la_saved_find(in, &saved, &err), LA_OK);
	assert_string_equal(la_packer_program(saved.packer), "zstd");
	lseek(in, 0, SEEK_SET);
	raw("QEVM", 4);
	assert_int_equal(la_saved_find(in, &saved, &err), LA_OK);
	assert_false(saved.libvirt);
	lseek(in, 0, SEEK_SET);
	raw("KDUMP   ", 8);
	assert_int_equal(la_saved_find(in, &saved, &err), LA_ABSENT);
}

/* 4094 DIMMs: the first are named, in little memory. */
static void many_dimms(void **state)
{
	(void)state;
	la_arena_free(arena);
	arena = la_arena_new(16 << 20);
	head("virt-10.0");
	section(1, 2, "ram", 0, 4);
	be((64 * MIB + 4094 * 4096) | SIZES, 8);
	name("loongarch.ram");
	be(64 * MIB, 8);
	for (unsigned i = 0; i < 4094; i++) {
		char text[20];

		snprintf(text, sizeof(text), "dimm%u", i);
		name(text);
		be(4096, 8);
	}
	be(EOS, 8);
	footer(2);
	ram_part(true);
	full_page("loongarch.ram", 0, 0x11, 4096);
	ram_stop();
	assert_int_equal(convert_at(0), LA_OK);
	assert_non_null(strstr(result.left_out, "dimm0 (0 MiB)"));
	assert_non_null(strstr(result.left_out, "and 4078 more"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages),
		TEST(registers),
		TEST(no_description),
		TEST(wrong_description),
		TEST(cut),
		TEST(old_qemu),
		TEST(device_tree),
		TEST(numa),
		TEST(mapped_ram),
		TEST(filled_page),
		TEST(endless_description),
		TEST(find),
		TEST(many_dimms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
