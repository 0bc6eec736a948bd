/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A result with everything in it, and what is rendered of it. */
#ifndef LAKVM_TEST_RENDERED_H
#define LAKVM_TEST_RENDERED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <cmocka.h>

#include "lakvm/render/render.h"
#include "lakvm/base/escape.h"

static char output[1 << 16];

static inline void put(void *ctx, const char *text)
{
	size_t used = strlen(output), n = strlen(text);

	(void)ctx;
	assert_true(n < sizeof(output) - used);
	memcpy(output + used, text, n + 1);
}

static const struct la_sink sink = { .put = put };

static inline int start(void **state)
{
	(void)state;
	output[0] = '\0';
	return 0;
}

/* A result with everything in it. */
static struct la_frame frames[3] = {
	{ .sp = 0x9000000100003b30,
	  .symbol = "vpanic",
	  .start = 0x9000000000220a08,
	  .method = LA_FROM_POSITION,
	  .verified = true },
	{ .pc = 0x9000000000eb7fa8,
	  .pc_known = true,
	  .code = 0x9000000000eb7fa8,
	  .sp = 0x9000000100003c00,
	  .symbol = "i8042_flush",
	  .start = 0x9000000000eb7f50,
	  .offset = 0x58,
	  .method = LA_FROM_EXCEPTION,
	  .pc_exact = true,
	  .verified = true },
	{ .pc = 0xffff800002000010,
	  .pc_known = true,
	  .code = 0xffff80000200000c,
	  .sp = 0x9000000100003d00,
	  .symbol = "mod_init",
	  .start = 0xffff800002000000,
	  .offset = 0x10,
	  .module = "mod",
	  .method = LA_FROM_SCAN },
};

static struct la_cpu two_cpus[2];
static struct la_cpus cpus;
static struct la_panic full;

static inline void make_detail(struct la_detail *d)
{
	static const char *const taint[] = { "D: an oops or BUG() happened before" };
	static const char *const log[] = { "[    0.435000] what came before" };

	*d = (struct la_detail){
		.insn_known = true,
		.operand = { { .reg = 12, .known = true, .value = 0xffff800000008000 },
			     { .reg = 13 },
			     { .reg = 25 } },
		.noperands = 3,
		.address_class = "in the range of modules and vmalloc",
		.walked = true,
		.walk = { .status = LA_UNMAPPED, .reason = "the entry is empty" },
		.file = "drivers/input/i8042.c",
		.line = 512,
		.taint = taint,
		.ntaint = 1,
		.log = log,
		.nlog = 1,
		.clock_known = true,
		.clock = { .date = 1795757892, .uptime_ns = 1500000000 }
	};
	la_insn_words(0x38203599, &d->insn);
	d->walk.translation = (struct la_translation){ .window = -1, .nsteps = 1 };
	d->walk.translation.step[0] = (struct la_walk_step){ .entry_pa = 0x1230 };
	la_geometry_init(&d->walk.geometry, 14, 3, NULL);
}

static inline void make_full(void)
{
	static const struct la_fact facts[] = { { "CPU 1 is in panic()", "panic_cpu" } };
	static const struct la_unchecked unchecked[] = { { "oops", "log: it is empty" },
							 { "vcpu", "registers: there are none" },
							 { "running", "log: it is empty" } };
	static const char *const stuck[] = { "CPU 0 waits for CPU 1" };
	static const char *const advice[] = { "lamem 0xffff800000008064", "dis i8042_flush" };
	static const char *const tail[] = { "[    0.435502] Kernel panic - not syncing: x" };

	memset(two_cpus, 0, sizeof(two_cpus));
	two_cpus[0] = (struct la_cpu){ .cpu = 0,
				       .matched = true,
				       .vcpu = 0,
				       .online_known = true,
				       .state = LA_CPU_STOPPED,
				       .before = LA_CPU_USER,
				       .waits_for = -1 };
	two_cpus[0].regs.source = LA_REGS_NOTE;
	la_gpr_set(&two_cpus[0].regs, LA_R_RA, 0x9000000000000001);
	two_cpus[1] = (struct la_cpu){ .cpu = 1,
				       .matched = true,
				       .vcpu = 3,
				       .online = true,
				       .online_known = true,
				       .state = LA_CPU_PANICKING,
				       .pc_source = LA_PC_RECOVERED,
				       .pc = 0x9000000000220a10,
				       .symbol = "vpanic",
				       .offset = 8,
				       .verified = true,
				       .waits_for = -1,
				       .remark = "odd" };
	two_cpus[1].task = (struct la_task){
		.address = 0x9000000100367380, .pid_known = true, .pid = 1, .comm = "swapper/0"
	};
	two_cpus[1].stack = (struct la_stack){
		.frame = frames, .n = 3, .stop = LA_STOP_NO_RULE, .reason = "no rule"
	};
	cpus = (struct la_cpus){ .cpu = two_cpus, .n = 2 };

	full = (struct la_panic){ .release = "7.2.12+deb14-loong64",
				  .verdict = LA_VERDICT_PANIC,
				  .confidence = LA_CERTAIN,
				  .message = "Attempted to kill init! exitcode=0x0000000b",
				  .summary = "i8042_flush read a port that is not there",
				  .advice = advice,
				  .nadvice = 2,
				  .stuck = stuck,
				  .nstuck = 1,
				  .cpu = 1,
				  .task = two_cpus[1].task,
				  .uptime_known = true,
				  .uptime_s = 0.435502,
				  .stack = &two_cpus[1].stack,
				  .signature = "lakvm-1 panic",
				  .hash = "0123456789abcdef",
				  .fact = facts,
				  .nfacts = 1,
				  .unchecked = unchecked,
				  .nunchecked = 3,
				  .log_tail = tail,
				  .nlog_tail = 1,
				  .cpus = &cpus };
	full.cause = (struct la_cause){ .kind = "page-fault",
					.address_known = true,
					.address = 0xffff800000008064,
					.pc_known = true,
					.pc = 0x9000000000eb7fa8,
					.symbol = "i8042_flush",
					.offset = 88,
					.regs_known = true };
	la_csr_set(&full.cause.regs, LA_CSR_BADV, 0xffff800000008064);
	la_csr_set(&full.cause.regs, LA_CSR_PRMD, 0);
	full.cause.code[LA_CODE_BEFORE] = 0x38203599;
	full.cause.code_known = 1u << LA_CODE_BEFORE;
	make_detail(&full.detail);
}

static inline void has(const char *part)
{
	if (!strstr(output, part))
		fail_msg("not there: %s\n%s", part, output);
}

static inline json_t *parsed(void)
{
	json_error_t error;
	json_t *o;

	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	o = json_loads(output, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		fail_msg("%s: %s", error.text, output);
	return o;
}

static inline void keys_are(json_t *o, const char *const *names)
{
	const char *key;
	json_t *value;

	json_object_foreach (o, key, value) {
		assert_non_null(*names);
		assert_string_equal(key, *names++);
	}
	assert_null(*names);
}

static inline const char *string_at(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

#endif
