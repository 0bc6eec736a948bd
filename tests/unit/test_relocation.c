// SPDX-License-Identifier: GPL-3.0-or-later
// Where a kernel that moved itself runs: each way alone, all together, and against each other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/vmcoreinfo.h"

#define CACHED UINT64_C(0x9000000000000000)
/* Link addresses, as a real 6.12 has them. */
#define STEXT (CACHED | 0x200000)
#define ETEXT (CACHED | 0x600000)
#define BANNER (CACHED | 0x666638)
#define UTS (CACHED | 0x89d3f0)
#define PGD (CACHED | 0xa50000)
#define EENTRY (CACHED | 0xa70008)
#define HANDLERS (CACHED | 0xa80000)
#define SELF (CACHED | 0xa916d0)
#define DATA (CACHED | 0xab8a70)
#define SIZE (CACHED | 0xab8a68)
#define REGION (CACHED | 0x8a0000)
#define IMAGE (CACHED | 0xab9000)
#define PARK (CACHED | 0x210000) /* crash_shutdown_secondary() */
#define PAGE 0x7654000           /* of the VMCOREINFO text */
#define PA(address, offset) (((address) + (offset)) & UINT64_C(0xffffffffffff))

static const char banner[] = "Linux version 6.12.117-lakvm (lab@lakvm) #1 SMP\n";

struct test {
	struct fake *fake;
	struct la_door *door;
	struct la_arena *arena;
	struct la_relocation r;
	struct la_error err;
};

/* vmlinux: the banner; and everywhere in its text, calls. */
static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	const uint32_t bl = 0x54000000;
	const size_t n = len < sizeof(banner) ? len : sizeof(banner);
	struct la_door *door = fake_door(ctx);

	address -= door->relocation;
	if (address == BANNER) {
		memcpy(ret, banner, n);
		return n;
	}
	if (address >= STEXT && address < ETEXT && len == 4) {
		memcpy(ret, &bl, 4);
		return 4;
	}
	return 0;
}

static void add_symbols(struct test *t, uint64_t believed)
{
	static const struct {
		const char *name;
		uint64_t address;
	} symbol[] = { { "_stext", STEXT },
		       { "_etext", ETEXT },
		       { "linux_banner", BANNER },
		       { "init_uts_ns", UTS },
		       { "swapper_pg_dir", PGD },
		       { "eentry", EENTRY },
		       { "exception_handlers", HANDLERS },
		       { "reloc_offset", SELF },
		       { "vmcoreinfo_data", DATA },
		       { "vmcoreinfo_size", SIZE },
		       { "crashk_res", REGION },
		       { "kexec_crash_image", IMAGE },
		       { "crash_shutdown_secondary", PARK } };

	for (size_t i = 0; i < sizeof(symbol) / sizeof(symbol[0]); i++)
		fake_symbol(t->fake, symbol[i].name, symbol[i].address + believed, 8, NULL);
	t->door->relocation = believed;
}

static int start(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	t->fake = fake_new();
	t->door = fake_door(t->fake);
	t->door->file_bytes = file_bytes;
	t->arena = la_arena_new(1 << 20);
	*state = t;
	return 0;
}

static int finish(void **state)
{
	struct test *t = *state;

	la_arena_free(t->arena);
	fake_free(t->fake);
	free(t);
	return 0;
}

static void put_banner(struct test *t, uint64_t offset)
{
	fake_put(t->fake, PA(BANNER, offset), banner, sizeof(banner));
}

static void put_vmcoreinfo(struct test *t, uint64_t offset, uint64_t page)
{
	char text[512];
	const int n = snprintf(text, sizeof(text),
			       "OSRELEASE=6.12.117-lakvm\nPAGESIZE=16384\nSYMBOL(init_uts_ns)=%lx\n"
			       "SYMBOL(_stext)=%lx\nSYMBOL(swapper_pg_dir)=%lx\n",
			       UTS + offset, STEXT + offset, PGD + offset);

	fake_put(t->fake, page, text, (size_t)n + 1);
	fake_put(t->fake, page + 4000, "", 1);
	fake_put_u64(t->fake, PA(DATA, offset), CACHED | page);
	fake_put_u64(t->fake, PA(SIZE, offset), (uint64_t)n);
	fake_put(t->fake, PA(UTS, offset) + 69, "6.12.117-lakvm", 15);
	fake_put(t->fake, PA(UTS, offset) + 600, "", 1);
}

static enum la_status find_with(struct test *t, const struct la_ram_range *ram, size_t nram,
				const struct la_vcpu_regs *text, size_t ntext)
{
	const struct la_relocation_search where = { .ram = ram, .nram = nram };

	la_error_clear(&t->err);
	return la_relocation_find(t->door, &where, text, ntext, t->arena, &t->r, &t->err);
}

static enum la_status find(struct test *t)
{
	return find_with(t, NULL, 0, NULL, 0);
}

static bool says(const struct test *t, enum la_relocation_way way, uint64_t offset)
{
	for (size_t i = 0; i < t->r.n; i++)
		if (t->r.finding[i].way == way && t->r.finding[i].offset == offset)
			return true;
	return false;
}

static void assert_found(const struct test *t, uint64_t offset, bool proved)
{
	assert_true(t->r.known);
	assert_true(t->r.offset == offset);
	assert_int_equal(t->r.proved, proved);
	assert_int_equal(t->r.remark[0] == '\0', proved);
}

/* What a kernel has in memory that moved by 0xf80000; the copy it left behind. */
static void test_all_agree(void **state)
{
	struct test *t = *state;
	const uint64_t x = 0xf80000;

	add_symbols(t, 0);
	put_banner(t, 0);
	put_banner(t, x);
	fake_put_u64(t->fake, PA(SELF, 0), x);
	fake_put_u64(t->fake, PA(SELF, x), x);
	fake_put_u64(t->fake, PA(EENTRY, 0), 0);
	fake_put_u64(t->fake, PA(EENTRY, x), HANDLERS + x);
	put_vmcoreinfo(t, x, PAGE);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, x, true);
	assert_true(says(t, LA_RELOCATION_SELF, x));
	assert_true(says(t, LA_RELOCATION_EENTRY, x));
	assert_true(says(t, LA_RELOCATION_VMCOREINFO, x));
	assert_true(says(t, LA_RELOCATION_BANNER, x));
	assert_true(says(t, LA_RELOCATION_BANNER, 0));
	assert_false(says(t, LA_RELOCATION_SELF, 0));
	assert_false(says(t, LA_RELOCATION_EENTRY, 0));
}

/* A session that was started with a wrong offset asks with symbols moved by that. */
static void test_wrong_belief(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0x10000);
	put_banner(t, 0x20000);
	fake_put_u64(t->fake, PA(SELF, 0x20000), 0x20000);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x20000, true);
}

static void test_each_alone(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_banner(t, 0);
	put_banner(t, 0x30000);
	/* the page of the copy was freed and cleared: its 0 is no statement */
	fake_put_u64(t->fake, PA(SELF, 0), 0);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, false);

	fake_put_u64(t->fake, PA(EENTRY, 0x30000), HANDLERS + 0x30000);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, true);

	fake_put_u64(t->fake, PA(EENTRY, 0x30000), 0);
	put_vmcoreinfo(t, 0x30000, PAGE);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, true);

	/* the page with the banner is not in the dump */
	fake_hide(t->fake, PA(BANNER, 0x30000), 64, LA_EXCLUDED);
	fake_put_u64(t->fake, PA(SELF, 0x30000), 0x30000);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, true);
}

/* In a dump without most of RAM: pointers where eentry would be, and no banner that says it is none. */
static void test_by_chance(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_banner(t, 0x30000);
	fake_put_u64(t->fake, PA(EENTRY, 0x30000), HANDLERS + 0x30000);
	for (uint64_t at = 0x7780000; at < 0x77a0000; at += 0x10000) {
		fake_hide(t->fake, PA(BANNER, at), 64, LA_EXCLUDED);
		fake_put_u64(t->fake, PA(EENTRY, at), HANDLERS + at);
	}
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, true);

	/* nor what another kernel told the host, of a place that is not in the dump */
	put_vmcoreinfo(t, 0x300000000, PAGE);
	fake_put_u64(t->fake, PA(DATA, 0x30000), CACHED | PAGE);
	fake_put_u64(t->fake, PA(SIZE, 0x30000), 160);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x30000, true);

	/* another way of its own makes it more than that */
	fake_put_u64(t->fake, PA(SELF, 0x7780000), 0x7780000);
	assert_int_equal(find(t), LA_CORRUPT);
}

static void test_not_moved(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_banner(t, 0);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0, false);
	fake_put_u64(t->fake, PA(EENTRY, 0), HANDLERS);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0, true);
}

static void test_disagreement(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_banner(t, 0x40000);
	put_banner(t, 0x50000);
	fake_put_u64(t->fake, PA(SELF, 0x40000), 0x40000);
	fake_put_u64(t->fake, PA(EENTRY, 0x50000), HANDLERS + 0x50000);
	assert_int_equal(find(t), LA_CORRUPT);
	assert_false(t->r.known);
	assert_non_null(strstr(t->r.remark, "disagree"));
	assert_true(says(t, LA_RELOCATION_SELF, 0x40000));
	assert_true(says(t, LA_RELOCATION_EENTRY, 0x50000));
}

/* Two copies, neither at the link address, and nothing that tells them apart. */
static void test_two_banners(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_banner(t, 0x40000);
	put_banner(t, 0x50000);
	assert_int_equal(find(t), LA_CORRUPT);
	assert_false(t->r.known);
}

static void test_other_kernel(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	assert_int_equal(find(t), LA_ABSENT);
	assert_int_equal(t->r.n, 0);
	/* another build: its variables may lie at the same places, its banner tells */
	fake_put(t->fake, PA(BANNER, 0x60000), "Linux version 6.12.118-lakvm (lab@lakvm) #1 SMP\n",
		 48);
	fake_put_u64(t->fake, PA(SELF, 0x60000), 0x60000);
	assert_int_equal(find(t), LA_ABSENT);
	assert_false(t->r.known);
	assert_non_null(strstr(t->err.text, "vmlinux"));
}

/* The EFI stub of 7.1 loads the kernel anywhere; only the RAM map bounds where. */
static void test_far_away(void **state)
{
	struct test *t = *state;
	const struct la_ram_range ram[] = { { .start = 0, .end = 0x10000000 },
					    { .start = 0x80000000, .end = 0x90000000 } };

	add_symbols(t, 0);
	put_banner(t, 0x8abc0000);
	fake_put_u64(t->fake, PA(SELF, 0x8abc0000), 0x8abc0000);
	assert_int_equal(find(t), LA_ABSENT);
	assert_int_equal(find_with(t, ram, 2, NULL, 0), LA_OK);
	assert_found(t, 0x8abc0000, true);
}

static void test_register_text(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text[2] = { { .pid = 1 }, { .pid = 2 } };

	add_symbols(t, 0);
	la_csr_set(&text[0].regs, LA_CSR_PGDH, PGD + 0x70000);
	/* nothing says that these are registers of this kernel */
	assert_int_equal(find_with(t, NULL, 0, text, 1), LA_ABSENT);
	la_gpr_set(&text[0].regs, LA_R_RA, ETEXT + 0x70000);
	assert_int_equal(find_with(t, NULL, 0, text, 1), LA_ABSENT);
	la_gpr_set(&text[0].regs, LA_R_RA, STEXT + 0x70000 + 0x1234);
	assert_int_equal(find_with(t, NULL, 0, text, 1), LA_OK);
	assert_found(t, 0x70000, false);

	/* the second CPU's EENTRY is a copy of its own */
	la_csr_set(&text[0].regs, LA_CSR_EENTRY, HANDLERS + 0x70000);
	la_csr_set(&text[1].regs, LA_CSR_EENTRY, HANDLERS + 0x990000);
	assert_int_equal(find_with(t, NULL, 0, text, 2), LA_OK);
	assert_found(t, 0x70000, false);
	assert_true(says(t, LA_RELOCATION_CSR_EENTRY, 0x70000));
	put_banner(t, 0x70000);
	assert_int_equal(find_with(t, NULL, 0, text, 2), LA_OK);
	assert_found(t, 0x70000, true);

	/* a text of another boot, and a dump */
	put_banner(t, 0x80000);
	fake_put_u64(t->fake, PA(SELF, 0x80000), 0x80000);
	assert_int_equal(find_with(t, NULL, 0, text, 2), LA_CORRUPT);
	assert_false(t->r.known);
}

static void test_register_text_of_another(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text = { .pid = 1 };

	add_symbols(t, 0);
	la_csr_set(&text.regs, LA_CSR_PGDH, PGD + 0x4000);
	assert_int_equal(find_with(t, NULL, 0, &text, 1), LA_ABSENT);
	assert_false(t->r.known);
	assert_non_null(strstr(t->r.remark, "multiple"));
}

/* The addresses in a VMCOREINFO of this vmlinux differ from its own by one offset only. */
static void test_vmcoreinfo_note(void **state)
{
	struct test *t = *state;
	char text[256];
	unsigned char note[512] = { 11, 0, 0, 0 };
	int n = snprintf(text, sizeof(text), "SYMBOL(_stext)=%lx\nSYMBOL(swapper_pg_dir)=%lx\n",
			 STEXT + 0x90000, PGD + 0xa0000);

	add_symbols(t, 0);
	note[4] = (unsigned char)n;
	memcpy(note + 12, "VMCOREINFO", 11);
	memcpy(note + 24, text, (size_t)n);
	t->door->notes = note;
	t->door->notes_size = 24 + (((size_t)n + 3) & ~(size_t)3);
	assert_int_equal(find(t), LA_CORRUPT);
	n = snprintf(text, sizeof(text), "SYMBOL(_stext)=%lx\nSYMBOL(swapper_pg_dir)=%lx\n",
		     STEXT + 0x90000, PGD + 0x90000);
	memcpy(note + 24, text, (size_t)n);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0x90000, true);
}

/* --- a kernel that died, and its crash kernel --- */

#define CRASH UINT64_C(0xd0000000) /* its offset */

/* The first ran at its link address, and loaded another one into what it had reserved. */
static void put_first(struct test *t, uint64_t loaded)
{
	put_banner(t, 0);
	fake_put_u64(t->fake, PA(EENTRY, 0), HANDLERS);
	fake_put_u64(t->fake, PA(REGION, 0), CRASH);
	fake_put_u64(t->fake, PA(REGION, 8), CRASH + 0x1fffffff);
	fake_put_u64(t->fake, PA(IMAGE, 0), loaded);
	put_vmcoreinfo(t, 0, PAGE);
}

static void put_crash(struct test *t)
{
	put_banner(t, CRASH);
	fake_put_u64(t->fake, PA(SELF, CRASH), CRASH);
}

static void assert_other(const struct test *t, uint64_t offset, enum la_kernel_role role)
{
	assert_int_equal(t->r.nothers, 1);
	assert_true(t->r.other[0].offset == offset);
	assert_int_equal(t->r.other[0].role, role);
}

static struct la_vcpu_regs vcpu(uint32_t pid, uint64_t pgd, uint64_t ra)
{
	struct la_vcpu_regs v = { .pid = pid };

	if (pgd)
		la_csr_set(&v.regs, LA_CSR_PGDH, pgd);
	if (ra)
		la_gpr_set(&v.regs, LA_R_RA, ra);
	return v;
}

/* Nothing but memory: a crash kernel that wrote its reloc_offset was started, and is what runs. */
static void test_crash_kernel(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, CRASH, true);
	assert_other(t, 0, LA_KERNEL_FIRST);
	assert_true(t->r.kept_start == CRASH && t->r.kept_end == CRASH + 0x20000000);
	assert_true(says(t, LA_RELOCATION_SELF, CRASH));
	assert_true(says(t, LA_RELOCATION_VMCOREINFO, 0));
}

/* kdump armed: the image lies there, as the file has it, and has never run. */
static void test_loaded_only(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_banner(t, CRASH);
	fake_put_u64(t->fake, PA(SELF, CRASH), 0);
	assert_int_equal(find(t), LA_OK);
	assert_found(t, 0, true);
	assert_int_equal(t->r.nothers, 0);
}

static void test_vcpus_tell(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text[3];

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	/* the others of the first kernel have never left it: parked, or hung with interrupts off */
	text[0] = vcpu(1, PGD + CRASH, STEXT + CRASH + 0x1234);
	text[1] = vcpu(2, PGD, PARK + 8);
	text[2] = vcpu(3, PGD, STEXT + 0x4444);
	assert_int_equal(find_with(t, NULL, 0, text, 2), LA_OK);
	assert_found(t, CRASH, true);
	assert_int_equal(find_with(t, NULL, 0, text, 3), LA_OK);
	assert_found(t, CRASH, true);
	assert_other(t, 0, LA_KERNEL_FIRST);

	/* the machine was reset: memory keeps what a crash kernel left there, all vCPUs run the new one */
	text[0] = vcpu(1, PGD, STEXT + 0x1234);
	assert_int_equal(find_with(t, NULL, 0, text, 3), LA_OK);
	assert_found(t, 0, true);
	assert_other(t, CRASH, LA_KERNEL_CRASH);

	/* only what is parked speaks for the first */
	assert_int_equal(find_with(t, NULL, 0, text + 1, 1), LA_OK);
	assert_found(t, CRASH, true);
}

static void test_returns_tell(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text;

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	text = vcpu(1, 0, STEXT + 0x1234);
	assert_int_equal(find_with(t, NULL, 0, &text, 1), LA_OK);
	assert_found(t, 0, true);
	assert_other(t, CRASH, LA_KERNEL_CRASH);
	text = vcpu(1, 0, STEXT + CRASH + 0x1234);
	assert_int_equal(find_with(t, NULL, 0, &text, 1), LA_OK);
	assert_found(t, CRASH, true);
}

/* Seen in a guest: the crash kernel's first exception led to code of the first one, on its own stack. */
static void test_stack_tells(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text;

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	text = vcpu(1, 0, STEXT + 0x1234);
	la_gpr_set(&text.regs, LA_R_SP, (CACHED | CRASH) + 0x56c660);
	assert_int_equal(find_with(t, NULL, 0, &text, 1), LA_OK);
	assert_found(t, CRASH, true);
	la_gpr_set(&text.regs, LA_R_SP, CACHED | 0x56c660);
	assert_int_equal(find_with(t, NULL, 0, &text, 1), LA_OK);
	assert_found(t, 0, true);
}

/* Without the reservation it is only known that both have run. */
static void test_two_kernels(void **state)
{
	struct test *t = *state;
	struct la_vcpu_regs text = vcpu(1, PGD + CRASH, 0);
	const struct la_ram_range ram = { .start = CRASH, .end = CRASH + 0x20000000 };

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	fake_hide(t->fake, PA(REGION, 0), 16, LA_EXCLUDED);
	assert_int_equal(find_with(t, &ram, 1, &text, 1), LA_OK);
	assert_found(t, CRASH, true);
	assert_other(t, 0, LA_KERNEL_ANOTHER);

	fake_put_u64(t->fake, PA(SELF, 0x40000), 0x40000);
	put_banner(t, 0x40000);
	assert_int_equal(find_with(t, &ram, 1, NULL, 0), LA_CORRUPT);
	assert_false(t->r.known);
	assert_int_equal(t->r.nothers, 2);
	assert_non_null(strstr(t->err.text, "--kaslr="));
}

/* A person asks for the one that does not run. */
static void test_take(void **state)
{
	struct test *t = *state;

	add_symbols(t, 0);
	put_first(t, CACHED | 0x1234000);
	put_crash(t);
	assert_int_equal(find(t), LA_OK);
	assert_false(la_relocation_take(&t->r, 0x10000));
	assert_found(t, CRASH, true);
	assert_true(la_relocation_take(&t->r, CRASH));
	assert_found(t, CRASH, true);
	assert_other(t, 0, LA_KERNEL_FIRST);
	assert_true(la_relocation_take(&t->r, 0));
	assert_found(t, 0, true);
	assert_other(t, CRASH, LA_KERNEL_RUNNING);

	/* nothing tells which one runs: the person knows */
	put_banner(t, 0x40000);
	fake_put_u64(t->fake, PA(SELF, 0x40000), 0x40000);
	fake_put_u64(t->fake, PA(IMAGE, 0), 0);
	assert_int_equal(find(t), LA_CORRUPT);
	assert_true(la_relocation_take(&t->r, 0x40000));
	assert_found(t, 0x40000, true);
	assert_other(t, 0, LA_KERNEL_ANOTHER);
}

/* --- without a vmlinux --- */

static const struct la_ram_range low_ram = { .start = 0, .end = 0x10000000 };

static enum la_status find_text(struct test *t, const char **text, size_t *len,
				const char **version)
{
	la_error_clear(&t->err);
	return la_vmcoreinfo_find(t->door, &low_ram, 1, t->arena, text, len, version, &t->err);
}

static void test_vmcoreinfo_in_memory(void **state)
{
	struct test *t = *state;
	const char *text, *version;
	size_t len;

	/* The pages around exist as a whole in a guest. */
	fake_put(t->fake, PA(BANNER, 0) | 0xfff, "", 1);
	put_banner(t, 0x20000);
	assert_int_equal(find_text(t, &text, &len, &version), LA_ABSENT);
	assert_string_equal(version, "Linux version 6.12.117-lakvm (lab@lakvm) #1 SMP");

	put_vmcoreinfo(t, 0x20000, PAGE);
	assert_int_equal(find_text(t, &text, &len, &version), LA_OK);
	assert_int_equal(text[len], '\0');
	assert_memory_equal(text, "OSRELEASE=6.12.117-lakvm\n", 25);
}

/* What an earlier kernel left does not hold: at its init_uts_ns is something else now. */
static void test_vmcoreinfo_left_over(void **state)
{
	struct test *t = *state;
	const char *text, *version;
	size_t len;

	put_vmcoreinfo(t, 0, PAGE);
	fake_put(t->fake, PA(UTS, 0) + 69, "something else", 15);
	assert_int_equal(find_text(t, &text, &len, &version), LA_ABSENT);
	put_vmcoreinfo(t, 0x100000, PAGE + 0x10000);
	assert_int_equal(find_text(t, &text, &len, &version), LA_OK);
	assert_non_null(strstr(text, "SYMBOL(_stext)=9000000000300000\n"));
}

/* A guest whose RAM is full of what is no banner. */
struct full {
	const struct la_door *below;
	uint64_t reads, done, total;
	unsigned told;
};

static enum la_status read_full(void *ctx, uint64_t pa, void *ret, size_t len)
{
	struct full *full = ctx;

	full->reads++;
	(void)pa;
	memset(ret, 0x5a, len);
	return LA_OK;
}

static void count_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct full *full = ctx;

	assert_true(done >= full->done && done <= total);
	full->done = done;
	full->total = total;
	full->told++;
}

static struct la_door *full_door;

static bool full_symbol(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx;
	return full_door->symbol(full_door->ctx, name, ret);
}

static size_t full_file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	(void)ctx;
	return full_door->file_bytes(full_door->ctx, address, ret, len);
}

/* It ends, says what it left, and tells how far it is; what has no bytes in the dump is not looked at. */
static void test_search_is_bounded(void **state)
{
	const uint64_t tib = UINT64_C(1) << 40;
	struct la_ram_range ram[] = { { .start = 0, .end = tib, .present = tib },
				      { .start = 2 * tib, .end = 3 * tib, .excluded = tib } };
	struct full full = { .reads = 0 };
	const struct la_relocation_search where = {
		.ram = ram, .nram = 2, .progress = count_progress, .ctx = &full
	};
	struct test *t = *state;
	struct la_door door;

	add_symbols(t, 0);
	full_door = t->door;
	door = *t->door;
	door.ctx = &full;
	door.read_phys = read_full;
	door.symbol = full_symbol;
	door.file_bytes = full_file_bytes;
	assert_int_equal(la_relocation_find(&door, &where, NULL, 0, t->arena, &t->r, &t->err),
			 LA_ABSENT);
	assert_true(full.reads < 150000);
	assert_true(t->r.not_searched > tib / 2 && t->r.not_searched < tib);
	assert_non_null(strstr(t->r.remark, "were not searched"));
	assert_true(full.told > 5 && full.total == tib);

	ram[0].present = 0;
	ram[0].zero = tib;
	full.reads = full.done = 0;
	assert_int_equal(la_relocation_find(&door, &where, NULL, 0, t->arena, &t->r, &t->err),
			 LA_ABSENT);
	assert_true(full.reads < 10000);
	assert_true(t->r.not_searched == 0);
	assert_null(strstr(t->r.remark, "were not searched"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, start, finish)
		T(test_all_agree),
		T(test_wrong_belief),
		T(test_each_alone),
		T(test_by_chance),
		T(test_not_moved),
		T(test_disagreement),
		T(test_two_banners),
		T(test_other_kernel),
		T(test_far_away),
		T(test_search_is_bounded),
		T(test_register_text),
		T(test_register_text_of_another),
		T(test_vmcoreinfo_note),
		T(test_crash_kernel),
		T(test_loaded_only),
		T(test_vcpus_tell),
		T(test_returns_tell),
		T(test_stack_tells),
		T(test_two_kernels),
		T(test_take),
		T(test_vmcoreinfo_in_memory),
		T(test_vmcoreinfo_left_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
