// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts on guests that have not come up, and on where a guest that is well writes to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/guest/relocation.h"
#include "lakvm/host/host.h"
#include "panic_guest.h"

#define TEXT (W + 0x200000)
#define BANNER (W + 0x2f0000)
#define TEXT_SIZE 0x10000

/* The kernel's file has these bytes wherever it is asked. */
static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	(void)ctx;
	if ((address < TEXT || address >= TEXT + TEXT_SIZE) && address != BANNER)
		return 0;
	memset(ret, 0x5a, len);
	return len;
}

/* @there: memory has the kernel's text, but for what was patched. */
static void put_kernel(struct guest *g, bool there)
{
	static unsigned char page[TEXT_SIZE];

	fake_door(g->f)->file_bytes = file_bytes;
	fake_symbol(g->f, "_stext", TEXT, 0, NULL);
	fake_symbol(g->f, "_etext", TEXT + TEXT_SIZE, 0, NULL);
	fake_symbol(g->f, "linux_banner", BANNER, 0, NULL);
	memset(page, 0, sizeof(page));
	fake_put(g->f, BANNER - W, page, 4096);
	if (there)
		memset(page + sizeof(page) / 2, 0x5a, sizeof(page) / 2);
	fake_put(g->f, TEXT - W, page, sizeof(page));
}

static void put_state(struct guest *g, uint32_t value)
{
	put_kernel(g, true);
	fake_symbol(g->f, "system_state", W + 0x820000, 4, NULL);
	fake_put_u32(g->f, 0x820000, value);
}

static bool advises(const struct la_panic *p, const char *part)
{
	for (size_t i = 0; i < p->nadvice; i++)
		if (strstr(p->advice[i], part))
			return true;
	return false;
}

/* RAM of a guest in its firmware reads as 0 where panic_cpu will be. */
static void test_firmware(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	put_kernel(g, false);
	set_panic_cpu(g, 0);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_FIRMWARE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_FIRMWARE);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_int_equal(p->cpu, -1);
	assert_true(has_fact(p, "memory", "does not have this vmlinux's kernel"));
	assert_non_null(strstr(p->summary, "firmware"));
	assert_true(p->nunchecked > 0);
	assert_string_equal(p->unchecked[0].rule, "panic");
	assert_non_null(strstr(p->unchecked[0].reason, "does not have this vmlinux's kernel"));
}

/* The same memory, and vCPUs in a kernel: one that moved itself to where nothing tells. No word of it is believed. */
static void test_elsewhere(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	put_kernel(g, false);
	set_panic_cpu(g, 0);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_RUNNING;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_true(has_fact(p, "memory", "does not have this vmlinux's kernel"));
	assert_false(has_fact(p, "panic_cpu", ""));
}

/* The copy that a kernel leaves behind when it moves itself has all of its text, and nothing ever happened in it. */
static void check_place(struct guest *g, enum la_relocation_way way, enum la_verdict verdict)
{
	static struct la_relocation place;

	place = (struct la_relocation){ .known = true, .n = 1 };
	place.finding[0].way = way;
	g->k.place = &place;
	put_kernel(g, true);
	set_panic_cpu(g, 0);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_RUNNING;
	assert_int_equal(analyse(g, true)->verdict, verdict);
	assert_int_equal(has_fact(&g->p, "memory", "left behind"), verdict == LA_VERDICT_UNKNOWN);
}

static void test_left_behind(void **state)
{
	check_place(*state, LA_RELOCATION_BANNER, LA_VERDICT_UNKNOWN);
}

/* No vmlinux fits, but the guest's VMCOREINFO tells where its log is: that is as good as it is without a vmlinux. */
static void test_told_by_itself(void **state)
{
	static const char told[] = "OSRELEASE=6.6.0-told\n";
	struct guest *g = *state;
	struct la_relocation place = { .remark = "nothing fits" };
	const struct la_panic *p;

	g->k.place = &place;
	add_log(g, "i8042-7.2.12.log", 0, 1);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_UNKNOWN;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_true(has_fact(p, "memory", "nothing fits"));
	g->k.vmcoreinfo = told;
	g->k.vmcoreinfo_len = strlen(told);
	p = analyse(g, true);
	check_i8042(p);
	assert_string_equal(p->release, "6.6.0-told");
	assert_true(has_fact(p, "vmlinux", "nothing fits"));
	/* Of two kernels nobody knows which one it tells of. */
	place.nothers = 2;
	assert_int_equal(analyse(g, true)->verdict, LA_VERDICT_UNKNOWN);
	/* Symbols are of vmlinux, wherever they lead. */
	place.nothers = 0;
	fake_door(g->f)->vmlinux = "vmlinux";
	assert_int_equal(analyse(g, true)->verdict, LA_VERDICT_UNKNOWN);
}

/* A guest that died early has not set up more than its banner, but its registers lead there. */
static void test_early(void **state)
{
	check_place(*state, LA_RELOCATION_RETURNS, LA_VERDICT_PANIC);
}

/* With the log lost, taint is what is left of an oops that was survived. */
static void test_lost_oops(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	fake_symbol(g->f, "tainted_mask", W + 0x860000, 8, NULL);
	fake_put_u64(g->f, 0x860000, 1 << 7);
	put_kernel(g, true);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_OOPS);
	assert_int_equal(p->confidence, LA_LIKELY);
}

/* Without it nothing is known to be well. */
static void test_lost_log(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 3);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	assert_int_equal(p->confidence, LA_UNSURE);
	assert_true(p->nunchecked >= 3);
	assert_non_null(strstr(p->unchecked[0].reason, "it is lost"));
}

/* Half of the text is patched or paged: the kernel is there all the same. */
static void test_there(void **state)
{
	struct guest *g = *state;

	put_kernel(g, true);
	set_panic_cpu(g, 0);
	assert_int_equal(analyse(g, true)->verdict, LA_VERDICT_PANIC);
}

static void test_reset(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	put_kernel(g, true);
	set_panic_cpu(g, UINT32_MAX);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_NEVER_STARTED;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_FIRMWARE);
	assert_non_null(strstr(p->summary, "out of reset"));
}

static void put_stack(struct guest *g, const char *const *names)
{
	for (unsigned i = 0; names[i]; i++) {
		g->frame[0][i] =
			(struct la_frame){ .symbol = names[i], .verified = true, .pc_known = true };
		g->cpu[0].stack.n = i + 1;
	}
	g->cpu[0].symbol = names[0];
	g->cpu[0].verified = true;
}

static void put_clock(struct guest *g, uint64_t nsec)
{
	static const uint64_t offsets[] = { 0, 0x1000 };

	g->k.percpu = offsets;
	fake_symbol(g->f, "runqueues", W + 0x830000, 0x100, NULL);
	fake_member(g->f, "rq", "clock", 8, 8);
	fake_put_u64(g->f, 0x830008, nsec);
	fake_put_u64(g->f, 0x831008, nsec - 5);
}

static const char *const initcall[] = { "msleep",       "slow_init",   "do_one_initcall",
					"do_initcalls", "kernel_init", NULL };

/* An initcall for which nothing was said for 99 s. */
static void test_boot_stands(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 1);
	put_stack(g, initcall);
	put_clock(g, UINT64_C(100000000000));
	ring_add(&g->ring, UINT64_C(1000000000), 6, 0, UINT32_MAX, "Freeing initrd memory");
	g->cpu[0].state = LA_CPU_RUNNING;
	g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_BOOTING);
	assert_string_equal(la_verdict_name(p->verdict), "booting");
	assert_string_equal(p->message, "in the initcall slow_init");
	assert_non_null(strstr(p->summary, "stands still"));
	assert_non_null(strstr(p->summary, "slow_init"));
	assert_non_null(strstr(p->summary, "99 s"));
}

/* Two seconds without a word are nothing. */
static void test_boots(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 1);
	put_stack(g, initcall);
	put_clock(g, UINT64_C(3000000000));
	ring_add(&g->ring, UINT64_C(1000000000), 6, 0, UINT32_MAX, "Freeing initrd memory");
	g->cpu[0].state = LA_CPU_RUNNING;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_BOOTING);
	assert_non_null(strstr(p->summary, "still boots"));
	assert_true(has_fact(p, "log", "2.0 s"));
}

/* One that has booted is judged by what it does. */
static void test_booted(void **state)
{
	struct guest *g = *state;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 3);
	ring_add(&g->ring, UINT64_C(1000000000), 6, 0, UINT32_MAX, "Run /init as init process");
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	assert_int_equal(analyse(g, true)->verdict, LA_VERDICT_RUNNING);
}

/* CPUs that nobody has started are nothing to a guest that has come up. */
static void test_not_started(void **state)
{
	(void)state;
	for (uint32_t booted = 0; booted < 2; booted++) {
		struct guest *g = guest_new();

		set_panic_cpu(g, UINT32_MAX);
		if (booted)
			put_state(g, 3);
		g->cpu[0].state = LA_CPU_IDLE;
		g->cpu[1].state = LA_CPU_NEVER_STARTED;
		assert_int_equal(analyse(g, true)->verdict,
				 booted ? LA_VERDICT_RUNNING : LA_VERDICT_UNKNOWN);
		guest_free(g);
	}
}

/* Two tasks: init_task and, at W + 0x860000, @pid in state D; its stack is in the functions of @names. */
static void put_task(struct guest *g, uint32_t pid, const char *const *names)
{
	uint64_t text = TEXT + 0x4000;

	fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
	fake_member(g->f, "task_struct", "tasks", 0x10, 16);
	fake_member(g->f, "task_struct", "__state", 0x20, 4);
	fake_member(g->f, "task_struct", "pid", 0x30, 4);
	fake_member(g->f, "task_struct", "comm", 0x40, 16);
	fake_member(g->f, "task_struct", "thread", 0x80, 128);
	fake_member(g->f, "thread_struct", "reg01", 0, 8);
	fake_member(g->f, "thread_struct", "reg03", 8, 8);
	for (unsigned r = 22; r < 32; r++) {
		char name[8];

		snprintf(name, sizeof(name), "reg%02u", r);
		fake_member(g->f, "thread_struct", name, 16, 8);
	}
	fake_put_u64(g->f, 0x850010, W + 0x860010);
	fake_put_u64(g->f, 0x860010, W + 0x850010);
	fake_put_u32(g->f, 0x860020, 2);
	fake_put_u32(g->f, 0x860030, pid);
	fake_put(g->f, 0x860040, "swapper/0", 10);
	fake_put_u64(g->f, 0x860080, text + 0x10);
	fake_put_u64(g->f, 0x860088, W + 0xa03000);
	for (size_t i = 0; names[i]; i++)
		fake_symbol(g->f, names[i], text + 0x100 * i, 0x100, NULL);
}

/* Where a boot stands that no CPU is busy with, the task tells that starts all. */
static void test_root_wait(void **state)
{
	static const char *const names[] = { "wait_for_root", NULL };
	struct guest *g = *state;
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 1);
	put_task(g, 1, names);
	fake_symbol(g->f, "saved_root_name", W + 0x870000, 64, NULL);
	fake_put(g->f, 0x870000, "/dev/vda", 9);
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	g->cpu[0].symbol = "__arch_cpu_idle";
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_BOOTING);
	assert_string_equal(p->cause.kind, "root-wait");
	assert_string_equal(p->cause.symbol, "wait_for_root");
	assert_int_equal(p->task.pid, 1);
	assert_non_null(strstr(p->summary, "root device /dev/vda"));
}

/* A function that is likely, not proved, is where it boots all the same; an idle CPU's is nothing. */
static void test_boots_where(void **state)
{
	(void)state;
	for (int idle = 0; idle < 2; idle++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		set_panic_cpu(g, UINT32_MAX);
		put_state(g, 0);
		g->cpu[0].state = idle ? LA_CPU_IDLE : LA_CPU_RUNNING;
		g->cpu[0].symbol = "serial_putc";
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_BOOTING);
		if (idle)
			assert_null(p->cause.symbol);
		else
			assert_string_equal(p->cause.symbol, "serial_putc");
		guest_free(g);
	}
}

/* No root, because the initramfs was none. */
static void test_bad_initramfs(void **state)
{
	static const char *const lines[] = {
		"Initramfs unpacking failed: invalid magic at start of compressed archive",
		"rootfs image is not initramfs (read error); looks like an initrd",
		"Freeing initrd memory: 64K",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, lines[i]);
		ring_add(&g->ring, 2000, 0, 0, 1,
			 "Kernel panic - not syncing: VFS: Unable to mount root fs on \"/dev/vda\"");
		set_panic_cpu(g, 0);
		p = analyse(g, true);
		assert_string_equal(p->cause.kind, "no-root");
		assert_int_equal(strstr(p->summary, lines[i]) != NULL, i < 2);
		assert_int_equal(advises(p, "dracut"), i < 2);
		guest_free(g);
	}
}

/* Halted, or only on the way there: then another CPU still works. */
static void test_halted(void **state)
{
	static const struct {
		uint32_t state;
		const char *function;
		enum la_cpu_state other;
		enum la_verdict verdict;
	} cases[] = {
		{ 4, "machine_halt", LA_CPU_STOPPED, LA_VERDICT_HALTED },
		{ 5, "machine_power_off", LA_CPU_OFFLINE, LA_VERDICT_HALTED },
		{ 4, "machine_halt", LA_CPU_RUNNING, LA_VERDICT_RUNNING },
		{ 4, "device_shutdown", LA_CPU_STOPPED, LA_VERDICT_UNKNOWN },
		{ 3, "machine_halt", LA_CPU_STOPPED, LA_VERDICT_UNKNOWN },
		{ 7, "machine_halt", LA_CPU_STOPPED, LA_VERDICT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		set_panic_cpu(g, UINT32_MAX);
		put_state(g, cases[i].state);
		g->cpu[0].state = LA_CPU_RUNNING;
		g->cpu[0].symbol = cases[i].function;
		g->cpu[1].state = cases[i].other;
		p = analyse(g, true);
		if (p->verdict != cases[i].verdict)
			fail_msg("case %zu: %s", i, la_verdict_name(p->verdict));
		guest_free(g);
	}
}

/* The first report: BUG() in cpu_probe(), in a domain without a <cpu>. */
static void test_cpu_model(void **state)
{
	const struct la_host host = { .cpu = { .known = true } };
	struct guest *g = *state;
	const struct la_panic *p;

	g->k.host = &host;
	put_state(g, 0);
	fake_symbol(g->f, "cpu_probe", TEXT + 0x8000, 0x800, NULL);
	fake_put_u32(g->f, TEXT - W + 0x8100, 0x002a0001);
	fake_symbol(g->f, "cpu_data", W + 0x840000, 0x100, NULL);
	fake_member(g->f, "cpuinfo_loongarch", "processor_id", 4, 4);
	fake_put_u32(g->f, 0x840004, 0x1234);
	die(g, &(struct death){ .cpu = 0,
				.message = "Fatal exception",
				.stack = { "panic", "die", "do_bp", "handle_bp", "cpu_probe",
					   "setup_arch", "start_kernel" },
				.exception = 3,
				.era = TEXT + 0x8100,
				.estat = 0xc0000 });
	g->cpu[0].state = LA_CPU_PANICKING;
	g->cpu[1].state = LA_CPU_NEVER_STARTED;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_string_equal(p->cause.kind, "bug");
	assert_string_equal(p->cause.symbol, "cpu_probe");
	assert_non_null(strstr(p->summary, "does not know this CPU model"));
	assert_non_null(strstr(p->summary, "it has no <cpu> element"));
	assert_true(has_fact(p, "domain.xml", "no <cpu> element"));
	assert_true(has_fact(p, "cpu_data", "0x1234"));
	assert_true(advises(p, "<cpu mode='custom'"));
	assert_true(p->nstuck == 1 && strstr(p->stuck[0], "1 other vCPU"));
}

static void put_console(struct guest *g, const char *name)
{
	char text[16] = "";

	snprintf(text, sizeof(text), "%s", name);
	fake_symbol(g->f, "console_list", W + 0x850000, 8, NULL);
	fake_member(g->f, "console", "node", 0x40, 16);
	fake_member(g->f, "console", "name", 0, 16);
	fake_member(g->f, "console", "index", 0x22, 2);
	fake_member(g->f, "console", "flags", 0x20, 2);
	fake_put_u64(g->f, 0x850000, W + 0x851040);
	fake_put(g->f, 0x851000, text, sizeof(text));
	fake_put_u32(g->f, 0x851020, 4 | 1 << 16);
	fake_put_u64(g->f, 0x851040, 0);
	fake_symbol(g->f, "boot_command_line", W + 0x852000, 512, NULL);
	fake_put(g->f, 0x852000, "root=/dev/vda quiet", 20);
}

static void check_consoles(struct guest *g, const char *name, bool elsewhere)
{
	const struct la_panic *p;

	set_panic_cpu(g, UINT32_MAX);
	put_state(g, 3);
	put_console(g, name);
	ring_add(&g->ring, 1, 6, 0, UINT32_MAX, "Run /init as init process");
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	assert_true(has_fact(p, "command line", "root=/dev/vda quiet"));
	assert_true(has_fact(p, "consoles", name));
	assert_int_equal(advises(p, "console=ttyS0"), elsewhere);
	assert_int_equal(p->summary && strstr(p->summary, "no serial console"), elsewhere);
}

static void test_console_elsewhere(void **state)
{
	check_consoles(*state, "tty", true);
}

static void test_console_serial(void **state)
{
	check_consoles(*state, "ttyS", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_firmware, start, finish),
		cmocka_unit_test_setup_teardown(test_told_by_itself, start, finish),
		cmocka_unit_test_setup_teardown(test_elsewhere, start, finish),
		cmocka_unit_test_setup_teardown(test_left_behind, start, finish),
		cmocka_unit_test_setup_teardown(test_early, start, finish),
		cmocka_unit_test_setup_teardown(test_lost_oops, start, finish),
		cmocka_unit_test_setup_teardown(test_lost_log, start, finish),
		cmocka_unit_test_setup_teardown(test_there, start, finish),
		cmocka_unit_test_setup_teardown(test_reset, start, finish),
		cmocka_unit_test_setup_teardown(test_boot_stands, start, finish),
		cmocka_unit_test_setup_teardown(test_boots, start, finish),
		cmocka_unit_test_setup_teardown(test_booted, start, finish),
		cmocka_unit_test(test_not_started),
		cmocka_unit_test_setup_teardown(test_root_wait, start, finish),
		cmocka_unit_test(test_boots_where),
		cmocka_unit_test(test_bad_initramfs),
		cmocka_unit_test(test_halted),
		cmocka_unit_test_setup_teardown(test_cpu_model, start, finish),
		cmocka_unit_test_setup_teardown(test_console_elsewhere, start, finish),
		cmocka_unit_test_setup_teardown(test_console_serial, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
