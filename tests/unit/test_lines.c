// SPDX-License-Identifier: GPL-3.0-or-later
// Source positions and inlined functions: this very program is the file with debugging information.
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"
#include "lakvm/stack/lines.h"
#include "lakvm/render/render.h"

struct point {
	uint64_t call;    /* an address in the call of here() */
	unsigned line[3]; /* of that call, and of the calls of the functions it is inlined in */
};

__attribute__((noinline)) static uint64_t here(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0) - 1;
}

__attribute__((always_inline)) static inline void innermost(struct point *p)
{
	p->line[0] = __LINE__ + 1;
	p->call = here();
	__asm__ volatile("" : : : "memory");
}

__attribute__((always_inline)) static inline void middle(struct point *p)
{
	p->line[1] = __LINE__ + 1;
	innermost(p);
}

__attribute__((noinline)) static void outer(struct point *p)
{
	p->line[2] = __LINE__ + 1;
	middle(p);
	__asm__ volatile("" : : : "memory");
}

__attribute__((noinline)) static void plain(struct point *p)
{
	p->line[0] = __LINE__ + 1;
	p->call = here();
	__asm__ volatile("" : : : "memory");
}

/* Two more than there is room for. */
#define NEST(n, inner)                                                                             \
	__attribute__((always_inline)) static inline void deep##n(struct point *p)                 \
	{                                                                                          \
		inner(p);                                                                          \
		__asm__ volatile("" : : : "memory");                                               \
	}

NEST(1, innermost)
enum { DEEP2_LINE = __LINE__ + 1 };
NEST(2, deep1)
NEST(3, deep2)
NEST(4, deep3)
NEST(5, deep4)
NEST(6, deep5)
NEST(7, deep6)
NEST(8, deep7)
NEST(9, deep8)
NEST(10, deep9)
NEST(11, deep10)
NEST(12, deep11)
NEST(13, deep12)
NEST(14, deep13)
NEST(15, deep14)
NEST(16, deep15)
NEST(17, deep16)

__attribute__((noinline)) static void deep_outer(struct point *p)
{
	deep17(p);
	__asm__ volatile("" : : : "memory");
}

static int first_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	*(uint64_t *)ret = info->dlpi_addr;
	return 1;
}

static struct la_kernel open_self(struct fake *fake)
{
	struct la_kernel k = { .door = fake_door(fake) };
	struct la_error err = { "" };

	fake_door(fake)->vmlinux = "/proc/self/exe";
	dl_iterate_phdr(first_object, &fake_door(fake)->relocation);
	assert_int_equal(la_lines_open(&k, &err), LA_OK);
	return k;
}

static void assert_place(const struct la_place *place, const char *function, unsigned line)
{
	const char *name;

	assert_string_equal(place->function, function);
	name = strrchr(place->file, '/');
	assert_string_equal(name ? name + 1 : place->file, "test_lines.c");
	assert_int_equal(place->line, line);
}

static void test_inlined(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = open_self(fake);
	const struct la_lines_at *at;
	struct point p;

	(void)state;
	outer(&p);
	at = la_lines_find(&k, p.call);
	assert_non_null(at);
	assert_int_equal(at->n, 2);
	assert_place(&at->inlined[0], "innermost", p.line[0]);
	assert_place(&at->inlined[1], "middle", p.line[1]);
	assert_place(&at->self, "outer", p.line[2]);

	plain(&p);
	at = la_lines_find(&k, p.call);
	assert_non_null(at);
	assert_int_equal(at->n, 0);
	assert_place(&at->self, "plain", p.line[0]);

	la_lines_close(&k);
	la_lines_close(&k); /* harmless */
	assert_null(la_lines_find(&k, p.call));
	fake_free(fake);
}

/* What has no room is counted, and is not taken for where the others are. */
static void test_deep(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = open_self(fake);
	const struct la_lines_at *at;
	struct point p;

	(void)state;
	deep_outer(&p);
	at = la_lines_find(&k, p.call);
	assert_non_null(at);
	assert_int_equal(at->n, LA_MAX_INLINED);
	assert_int_equal(at->left_out, 18 - LA_MAX_INLINED);
	assert_place(&at->inlined[0], "deep2", DEEP2_LINE);
	assert_string_equal(at->inlined[LA_MAX_INLINED - 1].function, "deep17");
	la_lines_close(&k);
	fake_free(fake);
}

static void put(void *ctx, const char *text)
{
	char *output = ctx;

	strncat(output, text, 8191 - strlen(output));
}

/* What was inlined is shown on request, below its frame and without a number. */
static void test_rendered(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = open_self(fake);
	static char output[8192], expected[256];
	struct la_frame frame = { .symbol = "outer", .pc_known = true, .verified = true };
	struct la_cpu cpu = { .matched = true,
			      .waits_for = -1,
			      .stack = { .frame = &frame, .n = 1, .stop = LA_STOP_END } };
	const struct la_cpus cpus = { .cpu = &cpu, .n = 1 };
	struct la_render_options opt = { .stacks = true };
	struct la_arena *arena = la_arena_new(1 << 20);
	const struct la_sink sink = { put, output };
	const struct la_cpus *with_lines;
	struct point p;

	(void)state;
	outer(&p);
	frame.pc = p.call + 4; /* a return address, as LoongArch has it */
	frame.code = p.call;
	with_lines = la_cpus_lines(&k, arena, &cpus, NULL, 0);
	la_render_cpus_text(with_lines, &opt, &sink);
	assert_null(strstr(output, "inlined"));

	output[0] = '\0';
	opt.source = true;
	la_render_cpus_text(with_lines, &opt, &sink);
	assert_non_null(strstr(output, "\n    inlined innermost  "));
	snprintf(expected, sizeof(expected), "test_lines.c: %u\n    inlined middle  ", p.line[0]);
	assert_non_null(strstr(output, expected));
	snprintf(expected, sizeof(expected), "test_lines.c: %u\n    ", p.line[1]);
	assert_non_null(strstr(output, expected));
	snprintf(expected, sizeof(expected), "test_lines.c: %u\n", p.line[2]);
	assert_non_null(strstr(output, expected));
	assert_null(strstr(output, "#1"));

	output[0] = '\0';
	assert_int_equal(la_render_cpus_json(with_lines, &opt, &sink), LA_OK);
	snprintf(expected, sizeof(expected),
		 "test_lines.c\",\"line\":%u,\"inlined\":[{\"symbol\":\"innermost\"", p.line[2]);
	assert_non_null(strstr(output, expected));
	la_lines_close(&k);
	output[0] = '\0';
	with_lines = la_cpus_lines(&k, arena, &cpus, NULL, 0);
	assert_int_equal(la_render_cpus_json(with_lines, &opt, &sink), LA_OK);
	assert_non_null(strstr(output, "\"file\":null,\"line\":null,\"inlined\":null"));
	la_arena_free(arena);
	fake_free(fake);
}

static void test_no_such_code(void **state)
{
	struct fake *fake = fake_new();
	struct la_kernel k = open_self(fake);

	(void)state;
	assert_null(la_lines_find(&k, 0));
	assert_null(la_lines_find(&k, 4));
	assert_null(la_lines_find(&k, UINT64_C(0xffff800002000000)));
	la_lines_close(&k);
	fake_free(fake);
}

static void test_no_information(void **state)
{
	static const struct {
		const char *vmlinux;
		enum la_status status;
	} files[] = { { NULL, LA_ABSENT },
		      { "/nonexistent", LA_IO },
		      { "/dev/null", LA_INVALID },
		      { "/etc/passwd", LA_INVALID },
		      { "/", LA_INVALID } };
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct la_error err = { "" };

		fake_door(fake)->vmlinux = files[i].vmlinux;
		assert_int_equal(la_lines_open(&k, &err), files[i].status);
		assert_true(err.text[0]);
		assert_null(k.lines);
	}
	fake_free(fake);
}

/* This program with random bytes in its debugging information, and cut short. */
static void test_damage(void **state)
{
	FILE *self = fopen("/proc/self/exe", "rb");
	struct fake *fake = fake_new();
	struct la_kernel k = { .door = fake_door(fake) };
	char path[] = "/tmp/lakvm-lines-XXXXXX";
	int fd = mkstemp(path);
	unsigned char *whole, *bytes;
	struct point p;
	long size;

	(void)state;
	outer(&p);
	assert_non_null(self);
	fseek(self, 0, SEEK_END);
	size = ftell(self);
	rewind(self);
	whole = malloc((size_t)size);
	bytes = malloc((size_t)size);
	assert_int_equal(fread(whole, 1, (size_t)size, self), size);
	fclose(self);
	fake_door(fake)->vmlinux = path;
	dl_iterate_phdr(first_object, &fake_door(fake)->relocation);
	srandom(1);
	for (unsigned round = 0; round < 60; round++) {
		const size_t length = round % 3 ? (size_t)size : (size_t)(random() % size);

		memcpy(bytes, whole, (size_t)size);
		/* debugging information is in the second half of the file */
		for (unsigned i = 0; i < 20; i++)
			bytes[size / 2 + random() % (size / 2)] = (unsigned char)random();
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bytes, length, 0), length);
		if (la_lines_open(&k, NULL) == LA_OK)
			la_lines_find(&k, p.call);
		la_lines_close(&k);
	}
	close(fd);
	unlink(path);
	free(bytes);
	free(whole);
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inlined),        cmocka_unit_test(test_deep),
		cmocka_unit_test(test_rendered),       cmocka_unit_test(test_no_such_code),
		cmocka_unit_test(test_no_information), cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
