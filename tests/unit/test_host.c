// SPDX-License-Identifier: GPL-3.0-or-later
// Folders of lavirsh-dump, also such as nobody wrote who means well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lakvm/host/host.h"

struct folder {
	char path[64];
	struct la_arena *arena;
	struct la_host host;
	struct la_error err;
};

static int start(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/lakvm-host-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->arena = la_arena_new(16 << 20);
	*state = f;
	return 0;
}

static int finish(void **state)
{
	struct folder *f = *state;
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	assert_int_equal(system(command), 0);
	la_arena_free(f->arena);
	free(f);
	return 0;
}

static const char *path_in(const struct folder *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return path;
}

static void put(const struct folder *f, const char *name, const char *text)
{
	FILE *file = fopen(path_in(f, name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	fclose(file);
}

static enum la_status read_it(struct folder *f)
{
	la_error_clear(&f->err);
	return la_host_read(f->arena, f->path, &f->host, &f->err);
}

/* What is written of @names. */
static void put_manifest(const struct folder *f, const char *const *names, size_t n)
{
	char text[1000] = "lavirsh-dump 1\ndomain wang\nstate running\nfuture word\n";
	struct stat about;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(stat(path_in(f, names[i]), &about), 0);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "file %jd %s\n",
			 (intmax_t)about.st_size, names[i]);
	}
	strcat(text, "end\n");
	put(f, "manifest", text);
}

#define MANIFEST "lavirsh-dump 1\nfile 4 memory\nfile 9 registers\nend\n"

static void test_folder(void **state)
{
	static const char *const names[] = { "memory", "registers", "host", "domain.xml" };
	struct folder *f = *state;

	put(f, "memory", "dump");
	put(f, "registers", "registers");
	put(f, "host",
	    "guest running\nload 0.50 1.25 2.00\ncpus 64\ninterval_ns 1000000000\nsteal_ns 7\n"
	    "vcpu 0 thread 42 state R S ran_ns 900000000 waited_ns 5\nvcpu 7 thread 43 state - -\n");
	put(f, "domain.xml", "<domain><cpu mode='custom'><model>la464</model></cpu></domain>");
	put_manifest(f, names, 4);
	assert_int_equal(read_it(f), LA_OK);
	assert_null(f->host.remark);
	assert_string_equal(f->host.memory, path_in(f, "memory"));
	assert_string_equal(f->host.registers, path_in(f, "registers"));
	assert_true(f->host.running && f->host.steal_known);
	assert_string_equal(f->host.load, "0.50 1.25 2.00");
	assert_int_equal(f->host.cpus, 64);
	assert_int_equal(f->host.interval_ns, 1000000000);
	assert_int_equal(f->host.steal_ns, 7);
	assert_int_equal(f->host.nvcpus, 2);
	assert_true(f->host.vcpu[0].known && f->host.vcpu[0].first == 'R' &&
		    f->host.vcpu[0].last == 'S');
	assert_int_equal(f->host.vcpu[0].ran_ns, 900000000);
	assert_int_equal(f->host.vcpu[1].vcpu, 7);
	assert_false(f->host.vcpu[1].known);
	assert_string_equal(f->host.cpu.model, "la464");
}

/* What is no folder of lavirsh-dump, or not whole. */
static void test_not_whole(void **state)
{
	static const struct {
		const char *manifest, *says;
	} cases[] = {
		{ NULL, "no manifest" },
		{ "", "none of lavirsh-dump" },
		{ "lavirsh-dump x\nend\n", "none of lavirsh-dump" },
		{ "lavirsh-dump 2\nend\n", "version 2" },
		{ "lavirsh-dump 1\nfile 4 memory\n", "no end" },
		{ "lavirsh-dump 1\nfile 4 memory\nen", "no end" },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].manifest)
			put(f, "manifest", cases[i].manifest);
		assert_int_equal(read_it(f), LA_INVALID);
		assert_non_null(strstr(f->err.text, cases[i].says));
	}
	assert_int_equal(la_host_read(f->arena, path_in(f, "manifest"), &f->host, &f->err),
			 LA_ABSENT);
	assert_int_equal(la_host_read(f->arena, path_in(f, "nothing"), &f->host, &f->err),
			 LA_ABSENT);
}

/* A file that was cut, one that is gone, one that came later. */
static void test_sizes(void **state)
{
	struct folder *f = *state;

	put(f, "manifest", MANIFEST);
	put(f, "memory", "dum");
	assert_int_equal(read_it(f), LA_OK);
	assert_non_null(f->host.memory);
	assert_null(f->host.registers);
	assert_non_null(strstr(f->host.remark,
			       "memory is not as it was written: it has 3 bytes, and had 4"));
	assert_non_null(strstr(f->host.remark, "registers cannot be used: No such file"));
	put(f, "manifest", "lavirsh-dump 1\nmissing registers none\nend\n");
	assert_int_equal(read_it(f), LA_OK);
	assert_string_equal(f->host.remark, "memory has come into the folder later");
	put(f, "manifest", "lavirsh-dump 1\nfile 3 memory\nfile 99 domain.xml\nend\n");
	put(f, "domain.xml", "<domain/>");
	assert_int_equal(read_it(f), LA_OK);
	assert_non_null(
		strstr(f->host.remark, "domain.xml is not as it was written: it has 9 bytes"));
}

/* Nothing waits for the other end of a pipe, or goes through a link. */
static void test_hostile_files(void **state)
{
	static const char *const names[] = { "memory", "registers", "host", "domain.xml",
					     "manifest" };
	struct folder *f = *state;

	put(f, "manifest", MANIFEST);
	put(f, "elsewhere", "lavirsh-dump 1\nend\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (int kind = 0; kind < 3; kind++) {
			const bool first = !strcmp(names[i], "manifest");

			unlink(path_in(f, names[i]));
			if (kind == 0)
				assert_int_equal(mkfifo(path_in(f, names[i]), 0600), 0);
			else if (kind == 1)
				assert_int_equal(symlink("elsewhere", path_in(f, names[i])), 0);
			else
				assert_int_equal(mkdir(path_in(f, names[i]), 0700), 0);
			assert_int_equal(read_it(f), first ? LA_IO : LA_OK);
			assert_non_null(strstr(first ? f->err.text : f->host.remark, "not a file"));
			assert_null(f->host.memory);
			assert_null(f->host.registers);
			if (kind == 2)
				rmdir(path_in(f, names[i]));
		}
}

/* Texts larger than any such are not read into memory. */
static void test_large(void **state)
{
	struct folder *f = *state;

	put(f, "manifest", "lavirsh-dump 1\nend\n");
	put(f, "host", "");
	put(f, "domain.xml", "");
	assert_int_equal(truncate(path_in(f, "host"), (off_t)1 << 40), 0);
	assert_int_equal(truncate(path_in(f, "domain.xml"), (off_t)1 << 40), 0);
	assert_int_equal(read_it(f), LA_OK);
	assert_non_null(strstr(f->host.remark, "host: too large"));
	assert_false(f->host.cpu.known);
	assert_int_equal(truncate(path_in(f, "manifest"), (off_t)1 << 40), 0);
	assert_int_equal(read_it(f), LA_INVALID);
}

static void test_load(void **state)
{
	static const struct {
		const char *line;
		bool taken, known;
	} cases[] = {
		{ "vcpu 1 thread 2 state R R ran_ns 1 waited_ns 2", true, true },
		{ "vcpu 1 thread 2 state - -", true, false },
		{ "vcpu 1 thread 2 state R R ran_ns -1 waited_ns 2", true, false },
		{ "vcpu 1 thread 2 state R R ran_ns 18446744073709551616 waited_ns 2", true,
		  false },
		{ "vcpu 1 thread 2 state R R ran_ns 18446744073709551615 waited_ns 2", true, true },
		{ "vcpu 4096 thread 2 state R R ran_ns 1 waited_ns 2", false, false },
		{ "vcpu x thread 2 state R R ran_ns 1 waited_ns 2", false, false },
		{ "vcpu", false, false },
		{ "vcpu 1 thread 2", false, false },
		{ "vcpu 1 thread 2 state R R ran_ns 1 waited_ns 2 a b c d e f g h", true, true },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct la_host h = { 0 };

		assert_true(la_host_parse_load(f->arena, cases[i].line, strlen(cases[i].line), &h));
		assert_int_equal(h.nvcpus, cases[i].taken);
		if (h.nvcpus)
			assert_int_equal(h.vcpu[0].known, cases[i].known);
	}
}

static void test_domain(void **state)
{
	static const struct {
		const char *xml;
		bool known, given;
		const char *mode, *model;
	} cases[] = {
		{ "<domain type='kvm'>\n  <name>wang</name>\n</domain>\n", true, false, NULL,
		  NULL },
		{ "<?xml version='1.0'?><!-- <cpu> --><domain><!-- <cpu/> --></domain>", true,
		  false, NULL, NULL },
		{ "<domain><cputune><shares>1</shares></cputune></domain>", true, false, NULL,
		  NULL },
		{ "<domain><metadata><cpu mode='x'/></metadata></domain>", true, false, NULL,
		  NULL },
		{ "<domain><title><![CDATA[<cpu>]]></title></domain>", true, false, NULL, NULL },
		{ "<domain a='<cpu>'></domain>", true, false, NULL, NULL },
		{ "<domain><cpu/></domain>", true, true, NULL, NULL },
		{ "<domain><cpu mode='host-passthrough' check='none'/></domain>", true, true,
		  "host-passthrough", NULL },
		{ "<domain>\n <cpu mode=\"custom\" match='exact'>\n  <model fallback='forbid'>la464</model>\n"
		  "  <topology sockets='8'/>\n </cpu>\n</domain>",
		  true, true, "custom", "la464" },
		{ "<domain><cpu><numa><model>no</model></numa></cpu><model>no</model></domain>",
		  true, true, NULL, NULL },
		/* cut off, or no domain */
		{ "<domain><cpu mode='custom'>", false, false, NULL, NULL },
		{ "<domain><name>wang</name>", false, false, NULL, NULL },
		{ "<domain><name", false, false, NULL, NULL },
		{ "<domain><!-- ", false, false, NULL, NULL },
		{ "<network></network>", false, false, NULL, NULL },
		{ "</domain>", false, false, NULL, NULL },
		{ "", false, false, NULL, NULL },
	};
	struct folder *f = *state;
	struct la_host_cpu cpu;
	char deep[1000] = "<domain>";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* a copy without anything behind it, which the sanitizer watches */
		const size_t size = strlen(cases[i].xml);
		char *xml = malloc(size ? size : 1);

		memcpy(xml, cases[i].xml, size);
		assert_true(la_host_parse_domain(f->arena, xml, size, &cpu));
		assert_int_equal(cpu.known, cases[i].known);
		assert_int_equal(cpu.given, cases[i].given);
		assert_int_equal(cpu.mode != NULL, cases[i].mode != NULL);
		if (cpu.mode)
			assert_string_equal(cpu.mode, cases[i].mode);
		assert_int_equal(cpu.model != NULL, cases[i].model != NULL);
		if (cpu.model)
			assert_string_equal(cpu.model, cases[i].model);
		/* and each part of it */
		for (size_t n = 0; n < size; n++)
			assert_true(la_host_parse_domain(f->arena, xml, n, &cpu));
		free(xml);
	}
	for (unsigned i = 0; i < 200; i++)
		strcat(deep, "<a>");
	assert_true(la_host_parse_domain(f->arena, deep, strlen(deep), &cpu));
	assert_false(cpu.known);
}

static void test_not_run(void **state)
{
	static const struct {
		struct la_host_vcpu v;
		bool paused;
		const char *says; /* NULL: it ran, or nobody knows */
	} cases[] = {
		{ { 0, 'R', 'R', true, 990000000, 1000 }, false, NULL },
		{ { 0, 'S', 'S', true, 0, 0 }, false, NULL }, /* idle */
		{ { 0, 'S', 'S', false, 0, 0 }, false, NULL },
		{ { 0, 'R', 'R', false, 0, 0 }, false, NULL }, /* nobody counted */
		{ { 0, 'R', 'R', true, 500000000, 490000000 }, false, NULL },
		{ { 0, 'R', 'R', true, 10000000, 980000000 }, false, "waited 0.98 for a CPU" },
		{ { 0, 'S', 'S', true, 10000000, 980000000 }, false, "waited 0.98 for a CPU" },
		{ { 0, 'R', 'R', true, 0, 0 }, false, "was ready to run, and ran 0.00 s of 1.00" },
		{ { 0, 'R', 'R', true, 0, 0 }, true, NULL },
		{ { 0, 'T', 'T', true, 0, 0 }, false, "stopped" },
		{ { 0, 'T', 'R', true, 0, 0 }, false, NULL },
		{ { 0, 't', 't', true, 0, 0 }, false, "debugger" },
		{ { 0, 'D', 'D', true, 0, 0 }, false, "state D" },
		{ { 0, 'D', 'S', true, 0, 0 }, false, NULL },
		{ { 3, 'T', 'T', true, 0, 0 }, false, NULL }, /* another's */
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct la_host h = { .running = !cases[i].paused,
					   .interval_ns = 1000000000,
					   .vcpu = &cases[i].v,
					   .nvcpus = 1 };
		const char *why = la_host_not_run(f->arena, &h, 0);

		assert_int_equal(why != NULL, cases[i].says != NULL);
		if (why)
			assert_non_null(strstr(why, cases[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folder, start, finish),
		cmocka_unit_test_setup_teardown(test_not_whole, start, finish),
		cmocka_unit_test_setup_teardown(test_sizes, start, finish),
		cmocka_unit_test_setup_teardown(test_hostile_files, start, finish),
		cmocka_unit_test_setup_teardown(test_large, start, finish),
		cmocka_unit_test_setup_teardown(test_load, start, finish),
		cmocka_unit_test_setup_teardown(test_domain, start, finish),
		cmocka_unit_test_setup_teardown(test_not_run, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
