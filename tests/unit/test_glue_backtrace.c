// SPDX-License-Identifier: GPL-3.0-or-later
// bt: what it prints of the registers that an exception saved is where this kernel's debugging information
// says they are.
#include "guest.h"

#include "fake_crash.h"

#define STREQ(a, b) (!strcmp(a, b))
#define BT_SYMBOL_OFFSET 1u
#define BT_LINE_NUMBERS 2u
#define BT_FULL 4u
#define BT_REF_SYMBOL 1u
#define BT_REF_HEXVAL 2u
#define BT_REF_FOUND 4u
#define BT_REFERENCE_CHECK(bt) ((bt)->ref)

struct stack_hook {
	ulong eip, esp;
};

struct reference {
	char *str;
	ulong cmdflags, hexval;
};

struct bt_info {
	ulong task, instptr, stkptr;
	ulonglong flags;
	unsigned radix;
	struct stack_hook *hp;
	struct reference *ref;
	void *machdep;
};

static struct syment *value_search(unsigned long address, unsigned long *ret_offset)
{
	*ret_offset = address;
	return NULL;
}

static char *format_stack_entry(struct bt_info *bt, char *text, ulong word, ulong limit)
{
	(void)bt;
	(void)limit;
	snprintf(text, BUFSIZE, "%016lx", word);
	return text;
}

static void get_line_number(ulong address, char *text, int all)
{
	(void)address;
	(void)all;
	*text = '\0';
}

#include "../../extensions/glue/backtrace.c"

/* --- other files of the glue --- */

static struct guest g;

struct la_kernel *session_kernel(struct la_error *err)
{
	(void)err;
	return &g.k;
}

const struct la_cpus *session_cpus(struct la_error *err)
{
	(void)err;
	return NULL;
}

enum la_status session_lines(struct la_error *err)
{
	(void)err;
	return LA_ABSENT;
}

struct la_arena *stack_memory(void)
{
	return g.arena;
}

void stack_memory_free(void)
{
}

static void put(void *ctx, const char *text)
{
	(void)ctx;
	fputs(text, fp);
}

const struct la_sink *command_sink(void)
{
	static const struct la_sink sink = { put, NULL };

	return &sink;
}

void repair(const char *what, void *place, const void *value, size_t size)
{
	(void)what;
	memcpy(place, value, size);
}

/* --- */

#define PT (STACK_TOP - 0x400)

/* What a kernel may have that orders struct pt_regs in its own way, and what mainline has in these places. */
static const struct {
	const char *member, *shown;
	size_t offset;
	uint64_t value;
} own[] = {
	{ "csr_estat", "ESTAT", 256, 0x10000 },
	{ "csr_era", "  ERA", 272, 0 /* an address of code */ },
	{ "csr_crmd", " CRMD", 264, 0xb0 },
	{ "csr_prmd", " PRMD", 304, 0x4 },
	{ "csr_badvaddr", " BADV", 296, 0x9000000000abcde0 },
	{ "csr_ecfg", " ECFG", 288, 0x71c1d },
	{ "csr_euen", " EUEN", 280, 0x1 },
	{ "orig_a0", NULL, 312, 0x99 },
};
#define NOWN (sizeof(own) / sizeof(own[0]))

static const uint64_t interrupted = FN(3) + 0x40;

static void make_guest(void)
{
	g = guest_new();
	function(&g, 1, "do_vint", -1);
	function(&g, 2, "handle_vint", 1);
	function(&g, 3, "ret_from_kernel_thread_asm", -1);
	frame_at(&g, PT - FRAME, BACK(2), 0);
	pt_regs_at(&g, PT, 0, PT + LA_PT_REGS_SIZE, 0x1111, 0);
	for (size_t i = 0; i < NOWN; i++) {
		fake_member(g.fake, "pt_regs", own[i].member, own[i].offset, 8);
		put64(&g, PT + own[i].offset, own[i].value ? own[i].value : interrupted);
	}
}

static void check_registers(const char *output)
{
	char line[64];

	for (size_t i = 0; i < NOWN; i++) {
		if (!own[i].shown)
			continue;
		snprintf(line, sizeof(line), "    %s: %016llx  ", own[i].shown,
			 (ulonglong)(own[i].value ? own[i].value : interrupted));
		if (!strstr(output, line))
			fail_msg("no \"%s\" in:\n%s", line, output);
	}
	assert_non_null(strstr(output, "   ra: 0000000000001111"));
}

static void test_own_layout(void **state)
{
	struct stack_hook hook = { .eip = FN(1) + 0x40, .esp = PT - FRAME };
	struct bt_info bt = {
		.task = TASK, .instptr = hook.eip, .stkptr = hook.esp, .hp = &hook, .radix = 16
	};
	char *output;
	size_t size;

	(void)state;
	make_guest();
	fp = open_memstream(&output, &size);
	machdep->back_trace(&bt);
	fclose(fp);
	assert_non_null(strstr(output, " do_vint at "));
	assert_non_null(strstr(output, "ret_from_kernel_thread_asm"));
	check_registers(output);
	free(output);

	fp = open_memstream(&output, &size);
	assert_int_equal(machdep->eframe_search(&bt), 1);
	fclose(fp);
	assert_non_null(strstr(output, "EXCEPTION-FRAME AT 9000000001003c00\n"));
	check_registers(output);
	free(output);
	guest_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_layout),
	};

	backtrace_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
