// SPDX-License-Identifier: GPL-3.0-or-later
// A verdict as an HTML page of a guest that would like to write markup. With LAKVM_PAGES=FOLDER the pages are left there,
// each with the JSON that it holds beside it, for tests/unit/html_pages.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lakvm/render/html.h"
#include "lakvm/render/render.h"
#include "lakvm/stack/lines.h"

#define HOSTILE                                                                                    \
	"</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;\\u003c<!--]]>"
/* Right-to-left, an escape sequence, bytes that are no UTF-8, and what is no character. */
#define HIDDEN "\xe2\x80\xae\x1b[31m\x80\xff\xef\xbf\xbf\xef\xbf\xbe"

static char output[2 << 20];
static size_t used;

static void put(void *ctx, const char *text)
{
	const size_t n = strlen(text);

	(void)ctx;
	assert_true(used + n < sizeof(output));
	memcpy(output + used, text, n + 1);
	used += n;
}

static const struct la_sink sink = { .put = put };

static const struct la_lines_at lines = { .self = { HOSTILE, HOSTILE HIDDEN, 3 },
					  .inlined = { { HOSTILE, NULL, 0 } },
					  .n = 1 };

struct guest {
	struct la_cpu cpu[300];
	struct la_cpus cpus;
	struct la_frame frame[300][12];
	struct la_wait_node node[1024];
	struct la_thing thing[1024];
	struct la_waits waits;
	struct la_record record[4000];
	struct la_log log;
	struct la_moment moment[2000];
	struct la_ram_range cell[513];
	struct la_cell_use use[513];
	struct la_mem_map map;
	struct la_mem_use usage;
	struct la_panic p;
	struct la_version version[2];
	struct la_html h;
};

static void add_cpus(struct guest *g, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct la_cpu *c = &g->cpu[i];

		*c = (struct la_cpu){ .cpu = (unsigned)i,
				      .matched = true,
				      .vcpu = (int)i,
				      .state = (enum la_cpu_state)(i % (LA_CPU_OFFLINE + 1)),
				      .symbol = HOSTILE,
				      .module = HOSTILE,
				      .waits_for = -1,
				      .lock = i % 3,
				      .lock_symbol = HOSTILE,
				      .since_known = true,
				      .since_ns = UINT64_C(1) << i % 64,
				      .remark = HOSTILE HIDDEN };
		snprintf(c->task.comm, sizeof(c->task.comm), "</text><a &\"'%c", 0x80);
		/* no stack is another's */
		for (size_t k = 0; k < 12; k++)
			g->frame[i][k] = (struct la_frame){ .pc = 0x9000000000001000 + 64 * i + k,
							    .pc_known = true,
							    .symbol = HOSTILE,
							    .module = HOSTILE,
							    .offset = i,
							    .start = i,
							    .lines = &lines,
							    .method = LA_FROM_CFI };
		c->stack = (struct la_stack){
			.frame = g->frame[i], .n = 12, .stop = LA_STOP_BAD_PC, .reason = HOSTILE
		};
	}
	g->cpus = (struct la_cpus){ .cpu = g->cpu, .n = n, .remark = HOSTILE };
}

/* A circle of @ring, and all others one behind another or all for the same. */
static void add_waits(struct guest *g, size_t n, size_t ring, bool chain)
{
	for (size_t i = 0; i < n; i++) {
		g->node[i] = (struct la_wait_node){ .cpu = -1,
						    .on = i,
						    .function = HOSTILE,
						    .state = 'D',
						    .since_known = true,
						    .since_ns = i,
						    .behind = n - i,
						    .cycle = i < ring };
		snprintf(g->node[i].task.comm, sizeof(g->node[i].task.comm), "<b>&\"%zu", i);
		g->thing[i] = (struct la_thing){
			.kind = LA_THING_MUTEX,
			.symbol = HOSTILE,
			.bit = -1,
			.how = LA_HOW_OWNER,
			.holder = i < ring   ? (i + 1 < ring ? i + 1 : 0) :
				  chain && i ? i - 1 :
				  ring       ? 0 :
					       LA_NO_NODE,
			.nwaiters = 1,
		};
	}
	g->waits = (struct la_waits){ .node = g->node,
				      .n = n,
				      .thing = g->thing,
				      .nthings = n,
				      .ncycles = ring > 0,
				      .remark = HOSTILE };
}

static void add_log(struct guest *g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		g->record[i] = (struct la_record){ .seq = i,
						   .ts_nsec = i * 700000000,
						   .level = i % 8,
						   .text = i % 7 ? HOSTILE "\n" HIDDEN : "" };
	for (size_t i = 0; i < 2000; i++)
		g->moment[i] = (struct la_moment){ i * n / 2000, HOSTILE, i > 1000 };
	g->log = (struct la_log){ .record = g->record, .n = n, .lost = 3 };
}

static void add_memory(struct guest *g)
{
	static const char *const remark[] = { HOSTILE HIDDEN };

	for (size_t i = 0; i < 513; i++) {
		g->cell[i] = (struct la_ram_range){ i << 20, (i + 1) << 20, 1 << 18,
						    1 << 18, 1 << 18,       1 << 18 };
		g->use[i].of[i % LA_NUSES] = 3;
		g->use[i].of[(i + 1) % LA_NUSES] = 5;
	}
	g->map = (struct la_mem_map){ .format = HOSTILE,
				      .range = g->cell,
				      .n = 513,
				      .cell_size = 1 << 20,
				      .cell = g->cell,
				      .ncells = 513,
				      .remark = remark,
				      .nremarks = 1 };
	g->usage = (struct la_mem_use){ .cell = g->use };
}

static struct guest *guest(size_t ncpus)
{
	static const char *const text[] = { HOSTILE HIDDEN, "plain" };
	static const struct la_fact facts[] = { { HOSTILE, HOSTILE } };
	static const struct la_known known = { HOSTILE, HOSTILE, HOSTILE, HOSTILE, { 0 } };
	static const struct la_known *const hits[] = { &known };
	static const struct la_unchecked unchecked[] = { { HOSTILE, HOSTILE HIDDEN } };
	struct guest *g = calloc(1, sizeof(*g));

	add_cpus(g, ncpus);
	add_waits(g, 1024, 3, true);
	add_log(g, 4000);
	add_memory(g);
	g->p = (struct la_panic){ .release = HOSTILE,
				  .verdict = LA_VERDICT_OOPS,
				  .confidence = LA_CERTAIN,
				  .message = HOSTILE HIDDEN,
				  .cpu = 1,
				  .stack = &g->cpu[0].stack,
				  .signature = HOSTILE,
				  .hash = "0123456789abcdef",
				  .advice = text,
				  .nadvice = 2,
				  .stuck = text,
				  .nstuck = 2,
				  .fact = facts,
				  .nfacts = 1,
				  .unchecked = unchecked,
				  .nunchecked = 1,
				  .known = hits,
				  .nknown = 1,
				  .log = &g->log,
				  .log_tail = text,
				  .nlog_tail = 2,
				  .cpus = &g->cpus,
				  .waits = &g->waits };
	g->p.cause = (struct la_cause){ .kind = "page-fault",
					.symbol = HOSTILE,
					.module = HOSTILE,
					.caller = HOSTILE,
					.address_known = true };
	g->p.detail.moment = g->moment;
	g->p.detail.nmoments = 2000;
	g->p.detail.taint = text;
	g->p.detail.ntaint = 2;
	g->p.detail.file = HOSTILE;
	g->p.detail.address_class = HOSTILE;
	g->version[0] = (struct la_version){ HOSTILE, HOSTILE HIDDEN };
	g->version[1] = (struct la_version){ "none", NULL };
	g->h = (struct la_html){ .panic = &g->p,
				 .map = &g->map,
				 .usage = &g->usage,
				 .version = g->version,
				 .nversions = 2 };
	return g;
}

static void leave(const char *name, const char *kind)
{
	const char *folder = getenv("LAKVM_PAGES");
	char path[300];
	FILE *file;

	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, kind);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(output, 1, used, file), used);
	assert_int_equal(fclose(file), 0);
}

static void render(const struct la_html *h, const char *name)
{
	used = 0;
	assert_int_equal(la_render_panic_json(h->panic, &sink), LA_OK);
	leave(name, "json");
	used = 0;
	assert_int_equal(la_render_html(h, &sink), LA_OK);
	leave(name, "html");
}

static size_t count(const char *part)
{
	size_t n = 0;

	for (const char *at = output; (at = strstr(at, part)); at++)
		n++;
	return n;
}

static void test_nothing_is_markup(void **state)
{
	struct guest *g = guest(4);

	(void)state;
	render(&g->h, "hostile");
	assert_int_equal(count("<script"), 1); /* ours */
	assert_int_equal(count("</script"), 1);
	assert_int_equal(count("<img"), 0);
	assert_int_equal(count("<!--"), 0);
	assert_int_equal(count("<a "), 0);
	assert_true(count("&lt;/script&gt;&lt;script&gt;alert(1)") > 100);
	/* what would hide text, as everywhere */
	assert_int_equal(count("\xe2\x80\xae"), 0);
	assert_int_equal(count("\x1b"), 0);
	assert_true(count("\\u202e\\x1b[31m\\x80\\xff\\uffff\\ufffe") > 10);
	free(g);
}

/* As large as guests get, each CPU and line another, and all as long as they come. */
static void test_size(void **state)
{
	static const size_t sizes[] = { 4, 64, 256 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct guest *g = guest(sizes[i]);
		char name[20];

		add_waits(g, 1024, 3, i & 1);
		snprintf(name, sizeof(name), "cpus-%zu", sizes[i]);
		render(&g->h, name);
		assert_true(used < 1 << 20);
		assert_true(count("lines are left out") > 0);
		assert_int_equal(count("role=\"img\" class=\"") - 1, sizes[i]); /* and the log's */
		free(g);
	}
}

static void test_waits(void **state)
{
	struct guest *g = guest(4);

	(void)state;
	/* nobody holds what all wait for */
	add_waits(g, 40, 0, false);
	for (size_t i = 0; i < 40; i++)
		g->node[i].on = 0;
	g->thing[0].nwaiters = 40;
	g->thing[0].how = LA_HOW_NOBODY;
	for (size_t i = 1; i < 40; i++)
		g->thing[i].nwaiters = 0;
	render(&g->h, "nobody");
	assert_int_equal(count("nobody can hold it"), 1);
	assert_int_equal(count(">D for 0.000 s in "), 10);
	assert_true(count("more\n</text>") == 1);

	/* one that waits for itself */
	add_waits(g, 1, 1, false);
	render(&g->h, "self");
	assert_int_equal(count("class=\"ring\""), 1);

	/* a chain longer than a picture */
	add_waits(g, 1024, 0, true);
	g->node[0].on = LA_NO_NODE;
	render(&g->h, "chain");
	assert_int_equal(count("class=\"edge\""), 8);
	assert_true(count("more are left out") > 0);
	free(g);
}

/* Nothing known: sections say so, and none is a picture of nothing. */
static void test_unknown(void **state)
{
	const struct la_panic p = { .cpu = -1 };
	const struct la_html h = { .panic = &p, .language = LA_CHINESE };

	(void)state;
	render(&h, "unknown");
	assert_int_equal(count("<svg"), 0);
	assert_non_null(strstr(output, "<h2>CPU</h2>\n<p class=\"note\">unknown</p>"));
	assert_non_null(strstr(output, "<h2>内存</h2>\n<p class=\"note\">unknown: no list of"));
	assert_non_null(strstr(output, "unknown: no record of it was read"));
	assert_non_null(strstr(output, "<dt>内核</dt><dd>unknown</dd>"));
}

/* What memory is used for counts, where it is known; else what the dump has of it. */
static void test_memory(void **state)
{
	struct guest *g = guest(1);

	(void)state;
	g->map.ncells = g->map.n = 2;
	memset(g->use, 0, sizeof(g->use));
	g->use[0].of[LA_USE_FREE] = 8;
	g->use[1].of[LA_USE_SLAB] = 4;
	g->use[1].of[LA_USE_UNKNOWN] = 4;
	render(&g->h, "memory");
	assert_non_null(strstr(output, "free 1.0 MiB</li>"));
	assert_non_null(strstr(output, "slab 512 KiB</li>"));
	assert_non_null(strstr(output, "excluded from the dump, use unknown 128 KiB</li>"));
	assert_non_null(strstr(output, "missing in the dump, use unknown 128 KiB</li>"));
	assert_non_null(strstr(output, "M0 18.0h18v-18.0h-18z"));
	g->usage = (struct la_mem_use){ .reason = HOSTILE };
	render(&g->h, "memory-unknown");
	assert_int_equal(count("m-free\"><i>"), 0);
	assert_non_null(strstr(output, "zeroes, use unknown 512 KiB</li>"));
	assert_non_null(strstr(output, "What it is used for is not known: &lt;/script"));
	free(g);
}

/* Of many CPUs, those that do nothing have a number only, unless something is odd about them or they are to blame. */
static void test_many_cpus(void **state)
{
	struct guest *g = guest(64);

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct la_cpu *c = &g->cpu[i];

		c->state = i < 60 ? LA_CPU_IDLE : LA_CPU_STOPPED;
		c->before = i < 62 ? LA_CPU_IDLE : LA_CPU_USER;
		c->odd = i == 7;
		snprintf(c->task.comm, sizeof(c->task.comm), "swapper/%u", i);
	}
	render(&g->h, "many-cpus");
	assert_int_equal(count("width=\"50\""),
			 60); /* all but CPU 1, which is blamed, 7, 62 and 63 */
	assert_int_equal(count("width=\"108\""), 4);
	free(g);
}

/* What is odd about a CPU goes on in its tile's next lines, and all tiles are as high. */
static void test_remark(void **state)
{
	struct guest *g = guest(4);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		g->cpu[i].lock = 0;
	g->cpu[2].odd = true;
	g->cpu[2].remark = "the end mark of its stack is overwritten: stack overflow";
	render(&g->h, "remark");
	assert_non_null(
		strstr(output, "y=\"63\" class=\"dim\">the end mark of its stack is</text>"));
	assert_non_null(
		strstr(output, "y=\"77\" class=\"dim\">overwritten: stack overflow</text>"));
	assert_int_equal(count("width=\"238\" height=\"98\""), 4);
	free(g);
}

static void test_file(void **state)
{
	struct guest *g = guest(2);
	struct la_arena *arena = la_arena_new(64 << 20), *small = la_arena_new(65536);
	char path[] = "/tmp/lakvm-html-XXXXXX";
	struct la_error err = { "" };
	FILE *file;
	int fd = mkstemp(path);
	long size;

	(void)state;
	assert_true(fd >= 0);
	fclose(fdopen(fd, "w"));
	render(&g->h, "file");
	assert_int_equal(la_render_html_file(&g->h, &(struct la_text_file){ .path = path }, arena,
					     &err),
			 LA_OK);
	file = fopen(path, "r");
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	fclose(file);
	assert_int_equal(size, used);
	assert_int_equal(la_render_html_file(&g->h, &(struct la_text_file){ .path = "/dev/full" },
					     arena, &err),
			 LA_INVALID);
	assert_int_equal(la_render_html_file(&g->h, &(struct la_text_file){ .path = path }, small,
					     &err),
			 LA_NOMEM);
	remove(path);
	la_arena_free(small);
	la_arena_free(arena);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_markup),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_remark),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
