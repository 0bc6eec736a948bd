/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest of two CPUs (a test may have a third) for tests of verdicts: a log in its ring, and how it died. */
#ifndef LAKVM_TEST_PANIC_GUEST_H
#define LAKVM_TEST_PANIC_GUEST_H

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
	struct la_cpu cpu[3];
	struct la_frame frame[3][12];
	struct la_panic p;
};

static inline struct guest *guest_new(void)
{
	struct guest *g = calloc(1, sizeof(*g));

	g->f = fake_new();
	g->arena = la_arena_new(64 << 20);
	g->k = ring_kernel(g->f);
	g->k.ncpus = 2;
	ring_init(&g->ring, 10, 17);
	g->cpus = (struct la_cpus){ .cpu = g->cpu, .n = 2 };
	for (unsigned i = 0; i < 3; i++) {
		g->cpu[i] = (struct la_cpu){
			.cpu = i, .matched = true, .vcpu = (int)i, .waits_for = -1
		};
		g->cpu[i].regs.source = LA_REGS_NOTE;
		g->cpu[i].stack.frame = g->frame[i];
	}
	return g;
}

static inline void guest_free(struct guest *g)
{
	la_arena_free(g->arena);
	fake_free(g->f);
	ring_free(&g->ring);
	free(g);
}

static inline int start(void **state)
{
	*state = guest_new();
	return 0;
}

static inline int finish(void **state)
{
	guest_free(*state);
	return 0;
}

/* The records of a log file, all but the last @cut. */
static inline void add_log(struct guest *g, const char *file, size_t cut, uint32_t caller)
{
	struct la_log *log = serial_log_file(g->arena, file);

	for (size_t i = 0; i + cut < log->n; i++)
		ring_add(&g->ring, log->record[i].ts_nsec, 6, 0, caller, log->record[i].text);
}

static inline void set_panic_cpu(struct guest *g, uint32_t value)
{
	fake_symbol(g->f, "panic_cpu", W + 0x800000, 4, NULL);
	fake_put_u32(g->f, 0x800000, value);
}

static inline void set_buffer(struct guest *g, const char *name, uint64_t at, const char *text)
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

static inline void die(struct guest *g, const struct death *d)
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

static inline const struct la_panic *analyse(struct guest *g, bool with_cpus)
{
	ring_put(&g->ring, g->f);
	la_panic_analyse(&g->k, g->arena, with_cpus ? &g->cpus : NULL, &g->p);
	return &g->p;
}

static inline bool has_fact(const struct la_panic *p, const char *source, const char *part)
{
	for (size_t i = 0; i < p->nfacts; i++)
		if (!strcmp(p->fact[i].source, source) && strstr(p->fact[i].text, part))
			return true;
	return false;
}

/* What is known of the i8042 guest from its log alone. */
static inline void check_i8042(const struct la_panic *p)
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

#endif
