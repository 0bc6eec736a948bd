// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts: real logs in a guest's ring, with and without the other witnesses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lakvm/door/moved_door.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/triage/other.h"
#include "lakvm/triage/panic.h"
#include "ring.h"
#include "seriallog.h"

#define W RING_BASE
#define PT_REGS (W + 0x900000)

struct guest {
	struct fake *f;
	struct la_arena *arena;
	struct la_kernel k;
	struct ring ring;
	struct la_cpus cpus;
	struct la_cpu cpu[2];
	struct la_frame frame[2][12];
	struct la_panic p;
};

static struct guest *guest_new(void)
{
	struct guest *g = calloc(1, sizeof(*g));

	g->f = fake_new();
	g->arena = la_arena_new(64 << 20);
	g->k = ring_kernel(g->f);
	g->k.ncpus = 2;
	ring_init(&g->ring, 10, 17);
	g->cpus = (struct la_cpus){ .cpu = g->cpu, .n = 2 };
	for (unsigned i = 0; i < 2; i++) {
		g->cpu[i] = (struct la_cpu){
			.cpu = i, .matched = true, .vcpu = (int)i, .waits_for = -1
		};
		g->cpu[i].regs.source = LA_REGS_NOTE;
		g->cpu[i].stack.frame = g->frame[i];
	}
	return g;
}

static void guest_free(struct guest *g)
{
	la_arena_free(g->arena);
	fake_free(g->f);
	ring_free(&g->ring);
	free(g);
}

static int start(void **state)
{
	*state = guest_new();
	return 0;
}

static int finish(void **state)
{
	guest_free(*state);
	return 0;
}

/* The records of a log file, all but the last @cut. */
static void add_log(struct guest *g, const char *file, size_t cut, uint32_t caller)
{
	struct la_log *log = serial_log_file(g->arena, file);

	for (size_t i = 0; i + cut < log->n; i++)
		ring_add(&g->ring, log->record[i].ts_nsec, 6, 0, caller, log->record[i].text);
}

static void set_panic_cpu(struct guest *g, uint32_t value)
{
	fake_symbol(g->f, "panic_cpu", W + 0x800000, 4, NULL);
	fake_put_u32(g->f, 0x800000, value);
}

static void set_buffer(struct guest *g, const char *name, uint64_t at, const char *text)
{
	char buffer[1024] = "";

	snprintf(buffer, sizeof(buffer), "%s", text);
	fake_symbol(g->f, name, W + at, 1024, NULL);
	fake_put(g->f, at, buffer, sizeof(buffer));
}

/* How it died: the CPU that called panic() and what with, its stack, and what the exception in it saved. */
struct death {
	unsigned cpu;
	const char *message; /* NULL: in no buffer */
	const char *stack[12];
	size_t exception; /* the frame of its handler; 0: none */
	uint64_t era, badv, prmd, estat;
};

static void die(struct guest *g, const struct death *d)
{
	struct la_stack *s = &g->cpu[d->cpu].stack;

	set_panic_cpu(g, d->cpu);
	if (d->message)
		set_buffer(g, "buf.1", 0x810000, d->message);
	for (; d->stack[s->n]; s->n++) {
		s->frame[s->n].symbol = d->stack[s->n];
		s->frame[s->n].verified = true;
		s->frame[s->n].pc_known = true;
	}
	s->verified = true;
	s->stop = LA_STOP_END;
	if (!d->exception)
		return;
	g->frame[d->cpu][d->exception].pt_regs = PT_REGS;
	fake_put(g->f, PT_REGS - W, (char[320]){ 0 }, 320);
	fake_put_u64(g->f, PT_REGS - W + 264, d->era);
	fake_put_u64(g->f, PT_REGS - W + 272, d->badv);
	fake_put_u64(g->f, PT_REGS - W + 280, 0xb0);
	fake_put_u64(g->f, PT_REGS - W + 288, d->prmd);
	fake_put_u64(g->f, PT_REGS - W + 312, d->estat);
}

static const struct la_panic *analyse(struct guest *g, bool with_cpus)
{
	ring_put(&g->ring, g->f);
	la_panic_analyse(&g->k, g->arena, with_cpus ? &g->cpus : NULL, &g->p);
	return &g->p;
}

static bool has_fact(const struct la_panic *p, const char *source, const char *part)
{
	for (size_t i = 0; i < p->nfacts; i++)
		if (!strcmp(p->fact[i].source, source) && strstr(p->fact[i].text, part))
			return true;
	return false;
}

/* --- the i8042 guest: every witness, then fewer and fewer --- */

static void check_i8042(const struct la_panic *p)
{
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_string_equal(p->message, "Attempted to kill init! exitcode=0x0000000b");
	assert_string_equal(p->cause.kind, "page-fault");
	assert_true(p->cause.address_known);
	assert_int_equal(p->cause.address, 0xffff800000008064);
	assert_true(p->cause.pc_known);
	assert_int_equal(p->cause.pc, 0x9000000000eb7fa8);
	assert_string_equal(p->cause.symbol, "i8042_flush");
	assert_int_equal(p->cause.offset, 0x58);
}

static void test_all_witnesses(void **state)
{
	static const struct death death = { 1,
					    "Attempted to kill init! exitcode=0x0000000b",
					    { "__udelay", "vpanic", "panic", "do_exit",
					      "make_task_dead", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "i8042_flush", "i8042_init",
					      "do_one_initcall" },
					    7,
					    0x9000000000eb7fa8,
					    0xffff800000008064,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	die(g, &death);
	g->cpu[1].task = (struct la_task){
		.address = W + 0x367380, .pid_known = true, .pid = 1, .comm = "swapper/0"
	};
	fake_symbol(g->f, "i8042_flush", 0x9000000000eb7f50, 0x160, NULL);
	p = analyse(g, true);

	check_i8042(p);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_int_equal(p->cpu, 1);
	assert_int_equal(p->task.pid, 1);
	assert_int_equal(p->task.address, W + 0x367380);
	assert_ptr_equal(p->stack, &g->cpu[1].stack);
	assert_true(p->uptime_known);
	assert_true(p->uptime_s == 0.435502);
	assert_true(has_fact(p, "panic_cpu", "CPU 1"));
	assert_true(has_fact(p, "panic's buffer", "same message"));
	assert_true(has_fact(p, "stack of CPU 1", "as in the log"));
	assert_int_equal(p->nunchecked, 0);
	assert_int_equal(p->nlog_tail, 15);
	assert_string_equal(p->log_tail[13], "[    0.435502] Kernel panic - not syncing: Attempted "
					     "to kill init! exitcode=0x0000000b");
	assert_string_equal(p->signature,
			    "lakvm-1 panic page-fault \"Attempted to kill init! exitcode=#\" "
			    "i8042_flush<i8042_init<do_one_initcall");
}

/* The log alone, as a minimal session may have it. */
static void test_log_alone(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	p = analyse(g, false);
	check_i8042(p);
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_int_equal(p->task.pid, 1);
	assert_string_equal(p->task.comm, "swapper/0");
	assert_int_equal(p->task.address, 0);
	assert_null(p->stack);
}

/* The crash kernel has hardly begun; what the first one died of is told beside it, with the way to it. */
static void test_first_kernel(void **state)
{
	static const struct la_relocation place = { .known = true,
						    .offset = 0xd0000000,
						    .other = { { 0, LA_KERNEL_FIRST } },
						    .nothers = 1 };
	struct guest *g = *state;
	struct la_moved_door crash;
	struct la_kernel k = g->k;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	ring_put(&g->ring, g->f);
	la_moved_door_init(&crash, fake_door(g->f), place.offset);
	k.door = &crash.door;
	la_panic_analyse(&k, g->arena, NULL, &g->p);
	assert_int_equal(g->p.verdict, LA_VERDICT_UNKNOWN);
	assert_false(has_fact(&g->p, "memory", "kernel"));
	k.place = &place;
	la_panic_analyse(&k, g->arena, NULL, &g->p);
	assert_int_equal(g->p.verdict, LA_VERDICT_UNKNOWN);
	assert_true(has_fact(&g->p, "memory", "the first kernel"));
	assert_true(has_fact(&g->p, "memory", "(--kaslr=0x0)"));
	assert_true(has_fact(&g->p, "memory",
			     "panic, likely: Attempted to kill init! exitcode=0x0000000b"));

	/* the other way round, as --kaslr= takes it */
	g->k.place = &(struct la_relocation){ .known = true,
					      .other = { { 0xd0000000, LA_KERNEL_RUNNING } },
					      .nothers = 1 };
	check_i8042(analyse(g, false));
	assert_true(has_fact(&g->p, "memory", "the kernel that runs now"));
	assert_true(has_fact(&g->p, "memory", "(--kaslr=0xd0000000)"));
	assert_true(has_fact(&g->p, "memory", "how it ended is not known"));
}

/*
 * The crash kernel stopped before it relocated its data, or in the middle of that: its pointers lead to the first
 * one's log. That one's end is not its own.
 */
static void test_not_relocated(void **state)
{
	const struct la_other_kernel crash = { 0xd0000000, LA_KERNEL_RUNNING };
	const uint64_t prb = crash.offset + RING_PA, ring = prb + 0x100;
	unsigned char raw[64];
	struct guest *g = *state;
	const struct la_door *door = fake_door(g->f);
	struct la_moved_door moved;
	struct la_kernel k = g->k;
	struct la_log log;
	const char *text;

	add_log(g, "i8042-7.2.12.log", 0, 1);
	set_panic_cpu(g, 1);
	set_buffer(g, "buf.0", 0x810000, "Attempted to kill init! exitcode=0x0000000b");
	ring_put(&g->ring, g->f);
	fake_symbol(g->f, "_text", W, 0, NULL);
	fake_symbol(g->f, "_end", W + 0x1000000, 0, NULL);
	fake_symbol(g->f, "printk_rb_static", W + RING_PA + 0x100, 80, NULL);
	fake_put_u32(g->f, crash.offset + 0x800000, UINT32_MAX);
	fake_put_u64(g->f, prb, W + RING_PA + 0x100);
	text = la_other_kernel_text(door, &crash, g->arena);
	assert_null(strstr(text, "panic,"));
	assert_non_null(strstr(
		text,
		"how it ended is not known: its data is not relocated: prb leads to 0x9000000000100100"));

	/* its log, as a person asks for it */
	la_moved_door_init(&moved, door, crash.offset);
	k.door = &moved.door;
	assert_int_equal(la_relocated(&k, NULL), LA_CORRUPT);
	assert_int_equal(la_log_read(&k, g->arena, &log, NULL), LA_CORRUPT);
	assert_int_equal(log.n, 0);

	/* prb is relocated, what it points to is not */
	assert_int_equal(door->read_phys(door->ctx, RING_PA + 0x100, raw, sizeof(raw)), LA_OK);
	fake_put(g->f, ring, raw, sizeof(raw));
	fake_put(g->f, ring + sizeof(raw), (char[4096 - 0x140]){ 0 }, 4096 - 0x140);
	fake_put_u64(g->f, prb, W + ring);
	text = la_other_kernel_text(door, &crash, g->arena);
	assert_null(strstr(text, "panic,"));
	assert_non_null(strstr(text, "how it ended is not known"));

	/* the first one's own pointers lead into it */
	assert_int_equal(analyse(g, false)->verdict, LA_VERDICT_PANIC);
	assert_int_equal(g->p.confidence, LA_CERTAIN);
	assert_int_equal(la_relocated(&g->k, NULL), LA_OK);
}

/* A list that comes back, one that does not, and one that leads out of memory. */
static void test_endless_list(void **state)
{
	const uint64_t head = W + 0x1000;
	struct guest *g = *state;

	for (uint64_t i = 0; i < 100; i++)
		fake_put_u64(g->f, 0x1000 + i * 16, head + (i + 1) % 100 * 16);
	assert_false(la_list_endless(&g->k, head));
	for (uint64_t i = 1; i < 100; i += 7) {
		fake_put_u64(g->f, 0x1000 + 99 * 16, head + i * 16);
		assert_true(la_list_endless(&g->k, head));
	}
	fake_put_u64(g->f, 0x1000 + 99 * 16, W + 0x5000000);
	assert_false(la_list_endless(&g->k, head));
	fake_put_u64(g->f, 0x1000, head);
	assert_false(la_list_endless(&g->k, head));
}

/* Each pointer tells alone; one that leads anywhere else is damage, and no sign of it. */
static void test_relocated(void **state)
{
	const uint64_t by = 0xd0000000;
	struct guest *g = *state;
	struct la_error err = { "" };
	struct la_moved_door moved;
	struct la_kernel k = g->k;

	la_moved_door_init(&moved, fake_door(g->f), by);
	k.door = &moved.door;
	fake_symbol(g->f, "init_mm", W + 0x2000, 0, NULL);
	fake_symbol(g->f, "init_task", W + 0x3000, 0, NULL);
	fake_member(g->f, "mm_struct", "pgd", 0x48, 8);
	fake_member(g->f, "task_struct", "stack", 0x20, 8);
	fake_put_u64(g->f, by + 0x2048, W + 0x4000);
	fake_put_u64(g->f, by + 0x3020, W + 0x8000);
	assert_int_equal(la_relocated(&k, &err),
			 LA_OK); /* of what size the kernel is, is not known */
	fake_symbol(g->f, "_stext", W, 0, NULL);
	fake_symbol(g->f, "_end", W + 0x1000000, 0, NULL);
	assert_int_equal(la_relocated(&k, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "init_mm.pgd"));
	fake_put_u64(g->f, by + 0x2048, W + by + 0x4000);
	la_error_clear(&err);
	assert_int_equal(la_relocated(&k, &err), LA_CORRUPT);
	assert_non_null(strstr(err.text, "init_task.stack"));
	fake_put_u64(g->f, by + 0x3020, W + by + 0x8000);
	assert_int_equal(la_relocated(&k, NULL), LA_OK);
	fake_put_u64(g->f, by + 0x3020, W + 0x7000000);
	assert_int_equal(la_relocated(&k, NULL), LA_OK);
}

/* The panic's own record never made it: the buffer has the message, the variable the CPU. */
static void test_record_missing(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	add_log(g, "i8042-7.2.12.log", 3, 1);
	set_panic_cpu(g, 1);
	set_buffer(g, "buf.0", 0x810000, "\x01\x02 binary, not a message");
	set_buffer(g, "buf.7", 0x820000, "Attempted to kill init! exitcode=0x0000000b");
	p = analyse(g, false);
	check_i8042(p);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_true(has_fact(p, "panic's buffer", "not in the log"));
}

/* No log at all: variable, buffer and stack suffice. */
static void test_no_log(void **state)
{
	static const struct death death = { 1,
					    "Fatal exception",
					    { "__udelay", "vpanic", "panic", "die", "do_page_fault",
					      "tlb_do_page_fault_0", "i8042_flush" },
					    5,
					    0x9000000000eb7fa8,
					    0xffff800000008064,
					    0,
					    0x10000 };
	struct guest *g = *state;
	const struct la_panic *p;

	die(g, &death);
	fake_symbol(g->f, "i8042_flush", 0x9000000000eb7f50, 0x160, NULL);
	la_panic_analyse(&g->k, g->arena, &g->cpus, &g->p);
	p = &g->p;
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_string_equal(p->message, "Fatal exception");
	assert_string_equal(p->cause.kind, "page-fault");
	assert_int_equal(p->cause.address, 0xffff800000008064);
	assert_string_equal(p->cause.symbol, "i8042_flush");
	assert_false(p->uptime_known);
	/* "oops" and the rest come after "panic" and were not needed. */
	assert_int_equal(p->nunchecked, 0);
}

/* --- other ends --- */

static void test_sysrq_is_its_own_cause(void **state)
{
	/* The system call comes from user mode. */
	static const struct death death = { 0,
					    NULL,
					    { "__udelay", "vpanic", "panic", "sysrq_handle_crash",
					      "__handle_sysrq", "handle_syscall" },
					    5,
					    0x120001000,
					    0,
					    7,
					    0xb0000 };
	struct guest *g = *state;
	const struct la_panic *p;

	/* An oops of another task long before has nothing to do with it. */
	add_log(g, "i8042-7.2.12.log", 2, 77);
	ring_add(&g->ring, 5446736000, 0, 0, 280,
		 "Kernel panic - not syncing: sysrq triggered crash");
	die(g, &death);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_CERTAIN);
	assert_string_equal(p->cause.kind, "sysrq");
	assert_false(p->cause.pc_known);
	assert_null(p->cause.symbol);
	assert_string_equal(p->signature, "lakvm-1 panic sysrq \"sysrq triggered crash\" "
					  "sysrq_handle_crash<__handle_sysrq<handle_syscall");
}

/* "Fatal exception" comes from an oops, but of the same context only. */
static void test_oops_of_another(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 1, 0, 55,
			 "CPU 0 Unable to handle kernel paging request at virtual address "
			 "0000000000000010, era == 9000000000300010, ra == 9000000000300004");
		ring_add(&g->ring, 2000, 0, 0, same ? 55 : 56,
			 "Kernel panic - not syncing: Fatal exception");
		set_panic_cpu(g, 0);
		p = analyse(g, false);
		assert_string_equal(p->cause.kind, same ? "page-fault" : "oops");
		assert_int_equal(p->cause.address_known, same);
		assert_int_equal(p->cause.pc_known, same);
		guest_free(g);
	}
}

/* A soft lockup that panics: the interrupted pc is where it hung, no fault. */
static void test_lockup_panic(void **state)
{
	static const struct death death = { 1,
					    NULL,
					    { "__udelay", "panic", "watchdog_timer_fn", "do_vint",
					      "handle_vint", "busy_function", "kthread" },
					    4,
					    W + 0x300040,
					    0,
					    4,
					    0x800 };
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 26000000000, 0, 0, 0x80000001u,
		 "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [busy:88]");
	ring_add(&g->ring, 26100000000, 0, 0, 0x80000001u,
		 "Kernel panic - not syncing: softlockup: hung tasks");
	die(g, &death);
	fake_symbol(g->f, "busy_function", W + 0x300000, 0x100, NULL);
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "soft-lockup");
	assert_false(p->cause.address_known);
	assert_string_equal(p->cause.symbol, "busy_function");
	assert_int_equal(p->cause.offset, 0x40);
}

/* BUG(): the break instruction's code tells it from any other break. */
static void test_bug(void **state)
{
	static const struct death death = { 0,
					    "Fatal exception in interrupt",
					    { "panic", "die", "do_bp", "handle_bp", "f" },
					    3,
					    W + 0x300040,
					    0,
					    0,
					    0xc0000 };

	(void)state;
	for (int bug = 0; bug < 2; bug++) {
		struct guest *g = guest_new();

		die(g, &death);
		fake_symbol(g->f, "f", W + 0x300000, 0x100, NULL);
		fake_put_u32(g->f, 0x300040, bug ? 0x002a0001 : 0x002a0005);
		assert_string_equal(analyse(g, true)->cause.kind, bug ? "bug" : "break");
		/* nothing else is in memory around it */
		assert_int_equal(g->p.cause.code_known & 1u << LA_CODE_BEFORE,
				 1u << LA_CODE_BEFORE);
		assert_int_equal(g->p.cause.code[LA_CODE_BEFORE], bug ? 0x002a0001 : 0x002a0005);
		guest_free(g);
	}
}

/*
 * The case this project started from: nothing in the log, but the saved registers still show the
 * break instruction that was the last exception before panic's loop.
 */
static void test_seed(void **state)
{
	static const struct death death = { .message = "Fatal exception",
					    .stack = { "__delay", "panic" } };

	(void)state;
	for (int later_tick = 0; later_tick < 2; later_tick++) {
		struct guest *g = guest_new();
		const struct la_panic *p;
		struct la_regs *r = &g->cpu[0].regs;

		die(g, &death);
		r->source = LA_REGS_TEXT;
		r->pc_known = true;
		r->pc = 0x900000000159e420;
		la_csr_set(r, LA_CSR_ESTAT, later_tick ? 0x800 : 0xc0000);
		la_csr_set(r, LA_CSR_ERA, 0x90000000015fb78c);
		la_csr_set(r, LA_CSR_BADI, 0x2a0001);
		la_csr_set(r, LA_CSR_BADV, 0);
		fake_symbol(g->f, "some_init", 0x90000000015fb700, 0x100, NULL);
		p = analyse(g, true);
		assert_int_equal(p->verdict, LA_VERDICT_PANIC);
		if (later_tick) {
			assert_string_equal(p->cause.kind, "oops");
			assert_false(p->cause.pc_known);
		} else {
			assert_string_equal(p->cause.kind, "bug");
			assert_int_equal(p->cause.pc, 0x90000000015fb78c);
			assert_string_equal(p->cause.symbol, "some_init");
			assert_false(p->cause.address_known);
			assert_true(has_fact(p, "registers", "last exception"));
		}
		guest_free(g);
	}
}

/* A call through a wild pointer: pc says nothing, ra says who called. */
static void test_jump_to_nowhere(void **state)
{
	static const struct death death = {
		0,
		"Fatal exception",
		{ "panic", "die", "do_page_fault", "tlb_do_page_fault_0" },
		3,
		0,
		0,
		0,
		0x30000
	};
	struct guest *g = *state;
	const struct la_panic *p;

	die(g, &death);
	fake_put_u64(g->f, PT_REGS - W + 8, W + 0x300044);
	fake_symbol(g->f, "_stext", W + 0x200000, 0, NULL);
	fake_symbol(g->f, "_etext", W + 0x400000, 0, NULL);
	fake_symbol(g->f, "caller", W + 0x300000, 0x44, NULL); /* the call is its last word */
	p = analyse(g, true);
	assert_string_equal(p->cause.kind, "page-fault");
	assert_true(p->cause.pc_known);
	assert_int_equal(p->cause.pc, 0);
	assert_null(p->cause.symbol);
	assert_string_equal(p->cause.caller, "caller");
	assert_int_equal(p->cause.caller_offset, 0x44);
	assert_string_equal(p->signature, "lakvm-1 panic page-fault \"Fatal exception\" caller");
}

static void test_oops_without_panic(void **state)
{
	(void)state;
	for (int tainted = 0; tainted < 2; tainted++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		add_log(g, "i8042-7.2.12.log", 3, 1);
		ring_add(&g->ring, 9000000000, 6, 0, 5, "life goes on");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "tainted_mask", W + 0x830000, 8, NULL);
		fake_put_u64(g->f, 0x830000, tainted ? 0x80 : 0);
		p = analyse(g, false);
		assert_int_equal(p->verdict, LA_VERDICT_OOPS);
		assert_int_equal(p->confidence, tainted ? LA_CERTAIN : LA_LIKELY);
		assert_string_equal(p->message, "Oops");
		assert_string_equal(p->cause.kind, "page-fault");
		assert_string_equal(p->cause.symbol, "i8042_flush");
		assert_int_equal(p->cpu, 1);
		assert_int_equal(p->task.pid, 1);
		guest_free(g);
	}
}

static void test_stack_overflow(void **state)
{
	struct guest *sysrq = guest_new(), *silent = guest_new();

	(void)state;
	sysrq->cpu[1].stack_overrun = silent->cpu[1].stack_overrun = true;
	set_panic_cpu(sysrq, 1);
	set_buffer(sysrq, "buf.1", 0x810000, "sysrq triggered crash");
	assert_string_equal(analyse(sysrq, true)->cause.kind, "sysrq");
	guest_free(sysrq);
	set_panic_cpu(silent, UINT32_MAX);
	assert_int_equal(analyse(silent, true)->verdict, LA_VERDICT_STACK_OVERFLOW);
	assert_int_equal(silent->p.confidence, LA_LIKELY);
	guest_free(silent);

	for (int panicked = 0; panicked < 2; panicked++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 1, 0, 55,
			 "CPU 0 Unable to handle kernel paging request at virtual address "
			 "0000000000000010, era == 9000000000300010, ra == 9000000000300004");
		if (panicked)
			ring_add(&g->ring, 2000, 0, 0, 55,
				 "Kernel panic - not syncing: Fatal exception");
		set_panic_cpu(g, panicked ? 1 : UINT32_MAX);
		g->cpu[1].stack_overrun = true;
		p = analyse(g, true);
		assert_int_equal(p->verdict,
				 panicked ? LA_VERDICT_PANIC : LA_VERDICT_STACK_OVERFLOW);
		assert_string_equal(p->cause.kind, "stack-overflow");
		assert_int_equal(p->cpu, 1);
		assert_true(has_fact(p, "stack of CPU 1", "end mark"));
		guest_free(g);
	}
}

/* The report is of the grace period that is going on, or of one long over. */
static void test_rcu_stall(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 3, 0, 0x80000000u,
			 "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
		ring_add(&g->ring, 2000, 3, 0, 0x80000000u, "rcu: \t1-...0: (1 GPs behind)");
		ring_add(&g->ring, 3000, 3, 0, 0x80000000u,
			 "rcu: \t(detected by 0, t=5253 jiffies, g=-659, q=29 ncpus=2)");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "rcu_state", W + 0x840000, 64, NULL);
		fake_member(g->f, "rcu_state", "gp_seq", 8, 8);
		fake_put_u64(g->f, 0x840008, same ? (uint64_t)-659 : (uint64_t)-655);
		g->cpu[0].state = LA_CPU_IDLE;
		g->cpu[1].state = LA_CPU_RUNNING;
		g->cpu[1].symbol = "busy_function";
		p = analyse(g, true);
		assert_int_equal(p->verdict, same ? LA_VERDICT_RCU_STALL : LA_VERDICT_RUNNING);
		if (same)
			assert_int_equal(p->cpu, 1);
		guest_free(g);
	}
}

/* A lock is waited for: is there a CPU that could hold it? */
static void test_spinlock(void **state)
{
	static const struct {
		enum la_cpu_state other;
		uint64_t other_lock;
		enum la_verdict verdict;
	} cases[] = {
		{ LA_CPU_IDLE, 0, LA_VERDICT_SPINLOCK },
		{ LA_CPU_USER, 0, LA_VERDICT_SPINLOCK },
		{ LA_CPU_SPINNING, W + 0x880000, LA_VERDICT_SPINLOCK }, /* each other's */
		{ LA_CPU_RUNNING, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_IRQ, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_UNKNOWN, 0, LA_VERDICT_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = cases[i].other;
		g->cpu[0].lock = cases[i].other_lock;
		g->cpu[1].state = LA_CPU_SPINNING;
		g->cpu[1].lock = W + 0x870000;
		g->cpu[1].symbol = "queued_spin_lock_slowpath";
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].verdict);
		if (p->verdict == LA_VERDICT_SPINLOCK) {
			assert_int_equal(p->confidence, LA_LIKELY);
			assert_true(p->cause.address_known && p->cause.address);
		}
		guest_free(g);
	}
}

static void test_lost_ipi(void **state)
{
	static const struct {
		enum la_cpu_state target;
		uint64_t clock_age_ns;
		bool crmd_known;
		uint64_t crmd;
		enum la_verdict verdict;
	} cases[] = {
		{ LA_CPU_SPINNING, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_OFFLINE, 0, false, 0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_IDLE, 60000000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, false, 0, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb4, LA_VERDICT_UNKNOWN },
		{ LA_CPU_RUNNING, 4000000, true, 0xb0, LA_VERDICT_LOST_IPI },
		{ LA_CPU_RUNNING, 4000000000, false, 0, LA_VERDICT_LOST_IPI },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
		set_panic_cpu(g, UINT32_MAX);
		g->cpu[0].state = cases[i].target;
		g->cpu[0].clock_age_known = true;
		g->cpu[0].clock_age_ns = cases[i].clock_age_ns;
		g->cpu[0].calls = 1;
		if (cases[i].crmd_known)
			la_csr_set(&g->cpu[0].regs, LA_CSR_CRMD, cases[i].crmd);
		g->cpu[1].state = LA_CPU_IPI_WAIT;
		g->cpu[1].waits_for = 0;
		p = analyse(g, true);
		assert_int_equal(p->verdict, cases[i].verdict);
		if (p->verdict == LA_VERDICT_LOST_IPI)
			assert_int_equal(p->cpu, 1);
		guest_free(g);
	}
}

static void test_hung_task(void **state)
{
	(void)state;
	for (int blocked = 0; blocked < 2; blocked++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		ring_add(&g->ring, 1000, 3, 0, 30,
			 "INFO: task jbd2/vda2-8:312 blocked for more than 122 seconds.");
		set_panic_cpu(g, UINT32_MAX);
		fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
		fake_member(g->f, "task_struct", "tasks", 0x10, 16);
		fake_member(g->f, "task_struct", "__state", 0x20, 4);
		fake_member(g->f, "task_struct", "pid", 0x30, 4);
		fake_member(g->f, "task_struct", "comm", 0x40, 16);
		fake_put_u64(g->f, 0x850010, W + 0x860010);
		fake_put_u64(g->f, 0x860010, W + 0x850010);
		fake_put_u32(g->f, 0x860020, blocked ? 2 : 1);
		fake_put_u32(g->f, 0x860030, 312);
		fake_put(g->f, 0x860040, "jbd2/vda2-8", 12);
		g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
		p = analyse(g, true);
		assert_int_equal(p->verdict, blocked ? LA_VERDICT_HUNG_TASK : LA_VERDICT_RUNNING);
		if (blocked)
			assert_int_equal(p->task.pid, 312);
		guest_free(g);
	}
}

/* A list of tasks that never comes back to init_task: the rule could not be tried, and says so. */
static void test_damaged_task_list(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;
	bool said = false;

	ring_add(&g->ring, 1000, 3, 0, 30,
		 "INFO: task jbd2/vda2-8:312 blocked for more than 122 seconds.");
	set_panic_cpu(g, UINT32_MAX);
	fake_symbol(g->f, "init_task", W + 0x850000, 0x400, NULL);
	fake_member(g->f, "task_struct", "tasks", 0x10, 16);
	fake_member(g->f, "task_struct", "pid", 0x30, 4);
	for (unsigned i = 0; i < 5;
	     i++) { /* init_task, four tasks, and the last leads to the second */
		fake_put_u64(g->f, 0x850010 + 0x1000 * i,
			     W + 0x850010 + 0x1000 * (i < 4 ? i + 1 : 2));
		fake_put_u32(g->f, 0x850030 + 0x1000 * i, i);
	}
	g->cpu[0].state = g->cpu[1].state = LA_CPU_IDLE;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	for (size_t i = 0; i < p->nunchecked; i++)
		said = said ||
		       (!strcmp(p->unchecked[i].rule, "hung-task") &&
			strstr(p->unchecked[i].reason, "list of tasks: damaged: it leads back"));
	assert_true(said);
}

/* More facts than a result holds are counted. */
static void test_many_facts(void **state)
{
	static struct la_cpu many[200];
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, 1, "nothing said");
	set_panic_cpu(g, UINT32_MAX);
	for (unsigned i = 0; i < 200; i++)
		many[i] = (struct la_cpu){
			.cpu = i, .matched = true, .state = LA_CPU_SPINNING, .waits_for = -1
		};
	g->cpus = (struct la_cpus){ .cpu = many, .n = 200 };
	p = analyse(g, true);
	assert_string_equal(p->fact[p->nfacts - 1].source, "limit");
	/* one is of panic_cpu */
	assert_int_equal(atoi(p->fact[p->nfacts - 1].text), 201 - (int)(p->nfacts - 1));
}

static void test_running(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 6, 0, 1, "all is well");
	set_panic_cpu(g, UINT32_MAX);
	g->cpu[0].state = LA_CPU_IDLE;
	g->cpu[1].state = LA_CPU_USER;
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_RUNNING);
	assert_null(p->signature);
	assert_null(p->message);

	g->cpu[1].state = LA_CPU_SPINNING;
	la_panic_analyse(&g->k, g->arena, &g->cpus, &g->p);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_int_equal(p->confidence, LA_UNSURE);
}

/* Nothing can be read: no verdict, and each rule says why it was not tried. */
static void test_nothing_known(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p = &g->p;

	la_panic_analyse(&g->k, g->arena, NULL, &g->p);
	assert_int_equal(p->verdict, LA_VERDICT_UNKNOWN);
	assert_true(p->nunchecked >= 4);
	assert_string_equal(p->unchecked[0].rule, "panic");
	for (size_t i = 0; i < p->nunchecked; i++)
		assert_true(p->unchecked[i].reason[0] != '\0');
	assert_int_equal(p->cpu, -1);
	assert_null(p->signature);
}

/* Text of the guest is never a format. */
static void test_percent_signs(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1, "Kernel panic - not syncing: %s%n %d");
	ring_add(&g->ring, 2000, 0, 0, 1, "WARNING: CPU: 1 PID: 2 at %s%n%s");
	set_panic_cpu(g, 0);
	set_buffer(g, "buf.1", 0x810000, "%n%s%s%s");
	p = analyse(g, true);
	assert_string_equal(p->message, "%s%n %d");
	assert_true(has_fact(p, "panic's buffer", "another message: %n%s%s%s"));
	assert_true(has_fact(p, "log", "PID: 2 at %s%n%s"));
}

/* The variable is damaged; the record still tells. */
static void test_bad_panic_cpu(void **state)
{
	struct guest *g = *state;
	const struct la_panic *p;

	ring_add(&g->ring, 1000, 0, 0, 1, "Kernel panic - not syncing: x");
	set_panic_cpu(g, 4711);
	p = analyse(g, true);
	assert_int_equal(p->verdict, LA_VERDICT_PANIC);
	assert_int_equal(p->confidence, LA_LIKELY);
	assert_int_equal(p->cpu, -1);
}

/* --- the signature --- */

static uint64_t reference_fnv1a(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	while (*s) {
		h ^= (unsigned char)*s++;
		h *= UINT64_C(1099511628211);
	}
	return h;
}

static void test_signature_masks_numbers(void **state)
{
	static const char *const messages[] = {
		"stack-protector: Kernel stack is corrupted in: f+0x12/0x34 pid 77 at 90000000deadbeef",
		"stack-protector: Kernel stack is corrupted in: f+0x9/0x100 pid 1 at 9000000000000001",
	};
	char *text[2], hash[2][17];

	(void)state;
	assert_true(reference_fnv1a("a") == UINT64_C(0xaf63dc4c8601ec8c)); /* published value */
	for (int i = 0; i < 2; i++) {
		struct guest *g = guest_new();
		const struct la_panic *p;

		set_panic_cpu(g, 0);
		set_buffer(g, "buf.1", 0x810000, messages[i]);
		p = analyse(g, true);
		text[i] = strdup(p->signature);
		memcpy(hash[i], p->hash, 17);
		guest_free(g);
	}
	assert_string_equal(text[0], "lakvm-1 panic stack-corruption \"stack-protector: Kernel "
				     "stack is corrupted in: f+#/# pid # at #\"");
	assert_string_equal(text[0], text[1]);
	assert_string_equal(hash[0], hash[1]);
	assert_true(strtoull(hash[0], NULL, 16) == reference_fnv1a(text[0]));
	free(text[0]);
	free(text[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define GUEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
		GUEST(test_all_witnesses),
		GUEST(test_log_alone),
		GUEST(test_first_kernel),
		GUEST(test_not_relocated),
		GUEST(test_relocated),
		GUEST(test_endless_list),
		GUEST(test_record_missing),
		GUEST(test_no_log),
		GUEST(test_sysrq_is_its_own_cause),
		cmocka_unit_test(test_oops_of_another),
		GUEST(test_lockup_panic),
		cmocka_unit_test(test_bug),
		cmocka_unit_test(test_seed),
		GUEST(test_jump_to_nowhere),
		cmocka_unit_test(test_oops_without_panic),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_rcu_stall),
		cmocka_unit_test(test_spinlock),
		cmocka_unit_test(test_lost_ipi),
		cmocka_unit_test(test_hung_task),
		GUEST(test_damaged_task_list),
		GUEST(test_many_facts),
		GUEST(test_running),
		GUEST(test_nothing_known),
		GUEST(test_percent_signs),
		GUEST(test_bad_panic_cpu),
		cmocka_unit_test(test_signature_masks_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
