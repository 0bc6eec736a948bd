// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: the whole report. What the analysis of the sample dump reads is recorded once; an input is a list of
// places among that, and of what stands there instead. All is rendered in every form, and what is rendered must be
// fit to print.
//
// Records of 12 bytes: which of the places (4), offset in it (2), what (1) and how many bytes of it (1), value (4).
// LAKVM_SAMPLE names the folder of vmlinux and dump.16k (default: build/sample).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lakvm/base/escape.h"
#include "lakvm/render/markdown.h"
#include "lakvm/render/report.h"

#define WINDOW UINT64_C(0x9000000000000000)
#define MAX_PLACES (1u << 18)
#define MAX_PATCHES 64
#define MAX_BYTES 64
#define RECORD 12

struct patch {
	uint64_t pa;
	size_t len;
	unsigned char bytes[MAX_BYTES];
};

static struct {
	struct la_arena *arena;
	struct la_dump *dump;
	struct la_elf_door *vmlinux;
	enum la_status (*read_phys)(void *ctx, uint64_t pa, void *ret, size_t len);
	uint64_t place[MAX_PLACES];
	size_t nplaces;
	bool recording;
	struct patch patch[MAX_PATCHES];
	size_t npatches;
} sample;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lay(const struct patch *p, uint64_t pa, unsigned char *to, size_t len)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->pa + i - pa < len)
			to[p->pa + i - pa] = p->bytes[i];
}

static enum la_status read_patched(void *ctx, uint64_t pa, void *ret, size_t len)
{
	const enum la_status status = sample.read_phys(ctx, pa, ret, len);

	if (status == LA_OK && sample.recording && sample.nplaces < MAX_PLACES)
		sample.place[sample.nplaces++] = pa;
	for (size_t i = 0; status == LA_OK && i < sample.npatches; i++)
		lay(&sample.patch[i], pa, ret, len);
	return status;
}

static uint32_t number(const uint8_t *at, size_t n)
{
	uint32_t value = 0;

	memcpy(&value, at, n);
	return value;
}

static void add_patch(const uint8_t *record)
{
	struct patch *p = &sample.patch[sample.npatches++];
	const uint32_t value = number(record + 8, 4);
	const uint64_t other = sample.place[value % sample.nplaces];
	uint64_t word = value;

	*p = (struct patch){ .pa = sample.place[number(record, 4) % sample.nplaces] +
				   number(record + 4, 2) % 4096,
			     .len = 1 + record[7] % 8 };
	switch (record[6] % 5) {
	case 0:
		break;
	case 1: /* another place's address */
		word = WINDOW | other;
		p->len = 8;
		break;
	case 2:
		word = (uint64_t)(int64_t)(int32_t)value;
		p->len = 8;
		break;
	case 3: /* what another place has */
		p->len = 1 + record[7] % MAX_BYTES;
		sample.read_phys(la_elf_door(sample.vmlinux)->ctx, other, p->bytes, p->len);
		return;
	default:
		p->len = 1 + record[7] % MAX_BYTES;
		memset(p->bytes, (int)(value & 0xff), p->len);
		return;
	}
	memcpy(p->bytes, &word, sizeof(word));
}

/* Nothing that a terminal obeys may arrive here. */
static void put(void *ctx, const char *text)
{
	(void)ctx;
	while (*text) {
		const size_t n = la_utf8_length(text);

		if (!n || (*text != '\n' && *text != '\t' && la_text_hidden(la_utf8_code(text, n))))
			abort();
		text += n;
	}
}

static void report(void)
{
	const struct la_report_options opt = { .log = true, .panic = true, .lines = true };
	const struct la_render_options show = { .registers = true, .stacks = true, .source = true };
	const struct la_sink sink = { put, NULL };
	struct la_arena *arena = la_arena_new(256 << 20);
	struct la_error err = { "" };
	struct la_report r;

	if (la_report_make(sample.dump, sample.vmlinux, &opt, arena, &r, &err) == LA_OK) {
		la_render_report_text(&r, &show, &sink);
		la_render_report_json(&r, &show, true, &sink);
		la_render_log_text(&r.log, &(struct la_log_format){ .time = LA_LOG_UPTIME }, &sink);
		la_render_panic_text(&r.panic, true, &sink);
		la_render_panic_line(&r.panic, &sink);
		la_render_panic_json(&r.panic, &sink);
		la_render_panic_markdown(&r.panic, LA_CHINESE, &sink);
		la_report_close(&r);
	} else if (!err.text[0]) {
		abort();
	}
	la_elf_door_set_modules(sample.vmlinux, NULL);
	la_elf_door_set_guest(sample.vmlinux, NULL, 0, NULL);
	la_elf_door_relocate(sample.vmlinux, 0);
	la_arena_free(arena);
}

static void open_sample(void)
{
	const char *folder = getenv("LAKVM_SAMPLE"), *path[1];
	struct la_door *door;

	if (!folder)
		folder = "build/sample";
	sample.arena = la_arena_new(512 << 20);
	path[0] = la_format(sample.arena, "%s/dump.16k", folder);
	if (la_dump_open(&sample.dump, path, 1, NULL, NULL) != LA_OK ||
	    la_elf_door_open(&sample.vmlinux, la_format(sample.arena, "%s/vmlinux", folder),
			     sample.dump, sample.arena, NULL) != LA_OK) {
		fprintf(stderr,
			"fuzz_report: no vmlinux and dump.16k in %s (test-dumps/sample/unpack.sh)\n",
			folder);
		exit(1);
	}
	/* its own, and not constant */
	door = (struct la_door *)(uintptr_t)la_elf_door(sample.vmlinux);
	sample.read_phys = door->read_phys;
	door->read_phys = read_patched;
	sample.recording = true;
	report();
	sample.recording = false;
	if (!sample.nplaces)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!sample.arena)
		open_sample();
	sample.npatches = 0;
	for (size_t at = 0; at + RECORD <= size && sample.npatches < MAX_PATCHES; at += RECORD)
		add_patch(data + at);
	report();
	return 0;
}
