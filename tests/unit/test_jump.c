// SPDX-License-Identifier: GPL-3.0-or-later
// The rule of lakvm/base/jump.h: whatever a longjmp cuts short, the next answers are those that a fresh
// object gives. Jumps out of any callback of the door, and out of a signal handler at any instruction.
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <cmocka.h>

#include "guest.h"
#include "ring.h"
#include "lakvm/base/jump.h"
#include "lakvm/guest/explain.h"
#include "lakvm/guest/sections.h"
#include "lakvm/render/mem.h"
#include "lakvm/render/render.h"
#include "lakvm/stack/lines.h"
#include "stack/cfi.h"

/* --- a door whose n-th callback does not come back --- */

static struct {
	struct fake *fake;
	jmp_buf *out;
	unsigned long left; /* callbacks until it jumps; 0: never */
} jumpy;

static void count(void)
{
	if (jumpy.left && !--jumpy.left)
		longjmp(*jumpy.out, 1);
}

/* Half of a read may have been done. */
static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	if (jumpy.left == 1)
		memset(ret, 0x5a, len / 2);
	count();
	return fake_door(jumpy.fake)->read_phys(ctx, pa, ret, len);
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	count();
	return fake_door(jumpy.fake)->symbol(ctx, name, ret);
}

static bool symbol_at(void *ctx, uint64_t address, struct la_symbol *ret)
{
	count();
	return fake_door(jumpy.fake)->symbol_at(ctx, address, ret);
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	count();
	return fake_door(jumpy.fake)->symbol_size(ctx, name, ret);
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	count();
	return fake_door(jumpy.fake)->member(ctx, type, name, ret);
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	count();
	return fake_door(jumpy.fake)->type_size(ctx, type, ret);
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	count();
	return fake_door(jumpy.fake)->enumerator(ctx, name, ret);
}

static struct la_door jumpy_door(struct fake *fake)
{
	struct la_door door = *fake_door(fake);

	jumpy.fake = fake;
	door.read_phys = read_phys;
	door.symbol = symbol;
	door.symbol_at = symbol_at;
	door.symbol_size = symbol_size;
	door.member = member;
	door.type_size = type_size;
	door.enumerator = enumerator;
	return door;
}

/* --- what is asked of a guest --- */

struct output {
	char text[32768];
	size_t n;
};

static void put(void *ctx, const char *text)
{
	struct output *o = ctx;
	size_t n = strlen(text);

	assert_true(n < sizeof(o->text) - o->n);
	memcpy(o->text + o->n, text, n + 1);
	o->n += n;
}

/* What a session keeps, by the rule. */
struct kept {
	struct la_kernel k;
	bool open;
	struct la_arena *arena, *command;
};

static void open_kernel(struct kept *kept, const struct la_door *door)
{
	if (kept->open)
		return;
	la_arena_free(kept->arena);
	kept->arena = la_arena_new(8 << 20);
	assert_int_equal(la_kernel_init(&kept->k, door, kept->arena, NULL), LA_OK);
	la_cfi_open(&kept->k, NULL);
	LA_PUBLISH(kept->open, true);
}

static void ask_stack(struct kept *kept, struct la_regs regs, struct la_cpus *cpus)
{
	struct la_stack *stack = &cpus->cpu->stack;

	la_unwind(&kept->k, kept->command, &regs, 0, stack);
	assert_true(stack->n > 2);
	regs.pc_known = false;
	la_unwind_cpu(&kept->k, kept->command, &regs, 0, stack);
	assert_true(stack->n > 2);
}

static void ask_address(struct kept *kept, uint64_t address, const struct la_sink *sink)
{
	struct la_mem_address mem;
	struct la_sections sections;

	la_mem_explain(&kept->k, NULL, kept->k.mmu.kernel_pgd, address, false, &mem);
	if (la_sections_init(&sections, &kept->k, NULL) == LA_OK)
		la_mem_explain_page(&kept->k, &sections, &mem);
	la_render_mem_address_text(&mem, sink);
}

/* Every public function that reads the guest, as a session's commands use them. */
static void ask(struct kept *kept, const struct la_door *door, const struct la_regs *regs,
		struct output *ret)
{
	const struct la_log_format format = { .time = LA_LOG_UPTIME };
	const struct la_render_options options = { .registers = true, .stacks = true };
	const struct la_sink sink = { put, ret };
	struct la_cpu cpu = { .matched = true, .waits_for = -1, .regs = *regs };
	struct la_cpus cpus = { .cpu = &cpu, .n = 1 }, own;
	struct la_panic panic;
	struct la_log log;

	*ret = (struct output){ .n = 0 };
	la_arena_free(kept->command);
	kept->command = la_arena_new(8 << 20);
	open_kernel(kept, door);
	ask_stack(kept, *regs, &cpus);
	la_render_cpus_text(&cpus, &options, &sink);
	if (la_cpus_analyse(&kept->k, kept->command, &own, NULL) == LA_OK)
		la_render_cpus_text(&own, &options, &sink);
	la_panic_analyse(&kept->k, kept->command, &cpus, &panic);
	la_render_panic_text(&panic, false, &sink);
	assert_int_equal(la_log_read(&kept->k, kept->command, &log, NULL), LA_OK);
	la_render_log_text(&log, &format, &sink);
	ask_address(kept, TEXT, &sink);
	ask_address(kept, UINT64_C(0xffff800000000000), &sink);
}

static void free_kept(struct kept *kept)
{
	la_cfi_close(&kept->k);
	la_arena_free(kept->arena);
	la_arena_free(kept->command);
}

/* A guest that died: main_a called main_b called panic, which the log tells too. */
static struct guest dead_guest(struct ring *ring)
{
	struct guest g = guest_new();
	uint64_t sp = BOTTOM - 3 * FRAME;

	function(&g, 0, "main_a", 1);
	function(&g, 1, "main_b", 2);
	function(&g, 2, "panic", -1);
	start_at(&g, FN(2) + 0x40, sp, BACK(1));
	sp = frame_at(&g, sp, BACK(1), 0);
	sp = frame_at(&g, sp, BACK(0), 0);
	frame_at(&g, sp, 0, 0);
	describe(&g, 3);
	fake_symbol(g.fake, "swapper_pg_dir", WINDOW | 0x600000, 0x4000, NULL);
	fake_symbol(g.fake, "invalid_pmd_table", WINDOW | 0x604000, 0x4000, NULL);
	fake_symbol(g.fake, "invalid_pte_table", WINDOW | 0x608000, 0x4000, NULL);
	fake_put(g.fake, 0x600000, (char[0xc000]){ 0 }, 0xc000);
	fake_symbol(g.fake, "nr_cpu_ids", WINDOW | 0x700000, 4, NULL);
	fake_put_u32(g.fake, 0x700000, 1);
	fake_symbol(g.fake, "__per_cpu_offset", WINDOW | 0x700008, 8, NULL);
	fake_put_u64(g.fake, 0x700008, 0x1000);
	fake_member(g.fake, "task_struct", "thread_info", 0, 16);
	fake_member(g.fake, "task_struct", "pid", 64, 4);
	fake_put_u32(g.fake, TASK - WINDOW + 64, 77);
	ring_init(ring, 4, 10);
	ring_add(ring, 1000000, 6, 0, 0, "an ordinary line");
	ring_add(ring, 2000000, 0, 0, 0, "Kernel panic - not syncing: a test");
	ring_put(ring, g.fake);
	return g;
}

static void test_out_of_the_door(void **state)
{
	static struct output want, got;
	static struct kept fresh, kept;
	static volatile unsigned long n, jumps;
	static struct la_door door;
	static struct guest g;
	static struct ring ring;
	jmp_buf out;

	(void)state;
	g = dead_guest(&ring);
	door = jumpy_door(g.fake);
	jumpy.out = &out;
	ask(&fresh, &door, &g.regs, &want);
	assert_non_null(strstr(want.text, "main_a"));
	assert_non_null(strstr(want.text, "a test"));
	free_kept(&fresh);
	for (n = 1;; n += 1 + n / 32) {
		kept = (struct kept){ .open = false };
		jumpy.left = n;
		if (setjmp(out) == 0) {
			ask(&kept, &door, &g.regs, &got);
			jumpy.left = 0;
			break;
		}
		jumps++;
		ask(&kept, &door, &g.regs, &got);
		assert_string_equal(got.text, want.text);
		free_kept(&kept);
	}
	assert_true(jumps > 100);
	free_kept(&kept);
	ring_free(&ring);
	guest_free(&g);
}

/* --- jumps out of a signal handler --- */

static sigjmp_buf escape;

static void on_alarm(int sig)
{
	(void)sig;
	siglongjmp(escape, 1);
}

static void alarm_in(suseconds_t us)
{
	const struct itimerval once = { .it_value = { 0, us } };

	setitimer(ITIMER_REAL, &once, NULL);
}

static bool same_row(const struct la_cfi_row *a, const struct la_cfi_row *b)
{
	return a->fde_start == b->fde_start && a->cfa_reg == b->cfa_reg &&
	       a->cfa_offset == b->cfa_offset && !memcmp(a->rule, b->rule, sizeof(a->rule));
}

/* Two functions that share their places in the cache: who is left in the middle has the other's row. */
static void test_call_frames(void **state)
{
	static const unsigned char deep[] = { 0x41 + 3, 0x0e, 64, 0x41 + 3, 0x81, 1 };
	static const unsigned char flat[] = { 0x41 + 3, 0x0e, 16 };
	static struct la_kernel k, fresh;
	static volatile unsigned jumps;
	static volatile uint64_t pc;
	struct frames_section s = { .size = 0 };
	struct fake *fake = fake_new();
	struct la_cfi_row row, want;
	char *path;

	(void)state;
	frame_cie(&s);
	frame_fde(&s, 0x10000, 0x1000, deep, sizeof(deep));
	frame_fde(&s, 0x11000, 0x1000, flat, sizeof(flat));
	path = frame_write(&s);
	fake_door(fake)->vmlinux = path;
	k = fresh = (struct la_kernel){ .door = fake_door(fake) };
	assert_int_equal(la_cfi_open(&k, NULL), LA_OK);
	signal(SIGALRM, on_alarm);
	for (pc = 0x10000; jumps < 1000;) {
		if (sigsetjmp(escape, 1) == 0) {
			alarm_in(1 + (suseconds_t)jumps % 50);
			for (;;) {
				pc = pc == 0x10010 ? 0x11010 : 0x10010;
				la_cfi_row(k.cfi, pc, &row);
			}
		}
		jumps++;
		if (jumps % 50 == 1) {
			la_cfi_close(&fresh);
			assert_int_equal(la_cfi_open(&fresh, NULL), LA_OK);
		}
		assert_true(la_cfi_row(k.cfi, pc, &row));
		assert_true(la_cfi_row(fresh.cfi, pc, &want));
		assert_true(same_row(&row, &want));
	}
	signal(SIGALRM, SIG_DFL);
	la_cfi_close(&k);
	la_cfi_close(&fresh);
	unlink(path);
	free(path);
	fake_free(fake);
}

static int first_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	*(uint64_t *)ret = info->dlpi_addr;
	return 1;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_place(const struct la_place *a, const struct la_place *b)
{
	return same_text(a->function, b->function) && same_text(a->file, b->file) &&
	       a->line == b->line;
}

/* This program's own debugging information; opening it is cut short as well. */
static void test_lines(void **state)
{
	static const uintptr_t code[] = { (uintptr_t)test_call_frames, (uintptr_t)dead_guest,
					  (uintptr_t)ask, (uintptr_t)put };
	static struct la_kernel k, fresh;
	static volatile unsigned jumps, i;
	struct fake *fake = fake_new();
	const struct la_lines_at *at, *want;

	(void)state;
	fake_door(fake)->vmlinux = "/proc/self/exe";
	dl_iterate_phdr(first_object, &fake_door(fake)->relocation);
	k = fresh = (struct la_kernel){ .door = fake_door(fake) };
	assert_int_equal(la_lines_open(&fresh, NULL), LA_OK);
	signal(SIGALRM, on_alarm);
	while (jumps < 200) {
		if (sigsetjmp(escape, 1) == 0) {
			alarm_in(1 + (suseconds_t)jumps * 37 % 20000);
			for (i = 0;; i++) {
				if (i % 64 == 0)
					la_lines_close(&k);
				if (!k.lines)
					la_lines_open(&k, NULL);
				/* Neighbours 2 KiB apart have the same place in the cache. */
				la_lines_find(&k, code[i % 4] + i / 4 % 2 * 2048);
			}
		}
		jumps++;
		if (!k.lines)
			assert_int_equal(la_lines_open(&k, NULL), LA_OK);
		at = la_lines_find(&k, code[i % 4]);
		want = la_lines_find(&fresh, code[i % 4]);
		assert_true(at && want && at->n == want->n && same_place(&at->self, &want->self));
	}
	signal(SIGALRM, SIG_DFL);
	la_lines_close(&k);
	la_lines_close(&fresh);
	fake_free(fake);
}

/* The memory of a command that is cut short goes with its arena. AddressSanitizer counts what is lost. */
static void test_arena(void **state)
{
	static struct la_arena *volatile arena;
	static volatile unsigned jumps;

	(void)state;
	signal(SIGALRM, on_alarm);
	arena = la_arena_new(1 << 30);
	while (jumps < 500) {
		if (sigsetjmp(escape, 1) == 0) {
			alarm_in(1 + (suseconds_t)jumps % 300);
			for (size_t size = 1;; size = size * 3 % 200001)
				la_alloc(arena, size);
		}
		jumps++;
		la_arena_free(arena);
		arena = la_arena_new(1 << 30);
	}
	signal(SIGALRM, SIG_DFL);
	la_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out_of_the_door),
		cmocka_unit_test(test_call_frames),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
