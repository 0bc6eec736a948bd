/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Migration streams written by the rules of QEMU's migration/{savevm,ram,vmstate}.c, and what is
 * made of them.
 */
#ifndef LAKVM_TEST_STREAM_H
#define LAKVM_TEST_STREAM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lakvm/convert/convert.h"
#include "lakvm/dump/dump.h"

#define MIB ((uint64_t)1 << 20)
#define ZERO 2
#define SIZES 4
#define PAGE 8
#define EOS 0x10
#define CONTINUE 0x20

static struct la_arena *arena;
static struct la_converted result;
static struct la_error err;
static int in, out;
static unsigned char page[65536];

static inline int start(void **state)
{
	(void)state;
	arena = la_arena_new(256 << 20);
	in = memfd_create("stream", 0);
	out = memfd_create("dump", 0);
	la_error_clear(&err);
	return arena && in >= 0 && out >= 0 ? 0 : -1;
}

static inline int finish(void **state)
{
	(void)state;
	close(in);
	close(out);
	la_arena_free(arena);
	return 0;
}

static inline void raw(const void *data, size_t size)
{
	assert_int_equal(write(in, data, size), size);
}

static inline void be(uint64_t value, unsigned bytes)
{
	unsigned char data[8];

	for (unsigned i = 0; i < bytes; i++)
		data[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
	raw(data, bytes);
}

static inline void name(const char *text)
{
	be(strlen(text), 1);
	raw(text, strlen(text));
}

static inline void head(const char *machine)
{
	raw("QEVM", 4);
	be(3, 4);
	be(7, 1); /* configuration */
	be(strlen(machine), 4);
	raw(machine, strlen(machine));
}

static inline void footer(unsigned id)
{
	be(0x7e, 1);
	be(id, 4);
}

static inline void section(unsigned type, unsigned id, const char *what, unsigned instance,
			   unsigned version)
{
	be(type, 1);
	be(id, 4);
	name(what);
	be(instance, 4);
	be(version, 4);
}

/* The section that begins the RAM, with one block and a flash of the firmware's. */
static inline void ram_start(const char *block, uint64_t size)
{
	section(1, 2, "ram", 0, 4);
	be((size + MIB) | SIZES, 8);
	name(block);
	be(size, 8);
	name("virt.flash0");
	be(MIB, 8);
	be(EOS, 8);
	footer(2);
}

static inline void ram_part(bool last)
{
	be(last ? 3 : 2, 1);
	be(2, 4);
}

static inline void ram_stop(void)
{
	be(EOS, 8);
	footer(2);
}

static inline void full_page(const char *block, uint64_t addr, unsigned char byte, size_t size)
{
	be(addr | PAGE | (block ? 0 : CONTINUE), 8);
	if (block)
		name(block);
	memset(page, byte, size);
	raw(page, size);
}

static inline void zero_page(const char *block, uint64_t addr)
{
	be(addr | ZERO | (block ? 0 : CONTINUE), 8);
	if (block)
		name(block);
	be(0, 1);
}

static inline enum la_status convert_at(uint64_t high_base)
{
	struct la_convert_options opt = { .high_base = high_base };

	lseek(in, 0, SEEK_SET);
	return la_convert(arena, in, out, &opt, &result, &err);
}

static inline void check_says(enum la_status got, enum la_status want, const char *text)
{
	if (got != want || !strstr(err.text, text))
		fail_msg("status %d \"%s\", wanted %d \"%s\"", got, err.text, want, text);
}

/* The dump through lakvm's own reader. */
static inline struct la_dump *open_dump(void)
{
	const char *path = la_format(arena, "/proc/self/fd/%d", out);
	struct la_dump *dump;

	if (la_dump_open(&dump, &path, 1, NULL, &err) != LA_OK)
		fail_msg("%s", err.text);
	return dump;
}

static inline void check_page(struct la_dump *dump, uint64_t pa, unsigned char byte)
{
	unsigned char got[4096];

	if (la_dump_read(dump, pa, got, sizeof(got), &err) != LA_OK)
		fail_msg("0x%llx: %s", (unsigned long long)pa, err.text);
	for (size_t i = 0; i < sizeof(got); i++)
		if (got[i] != byte)
			fail_msg("0x%llx: byte 0x%02x, wanted 0x%02x", (unsigned long long)pa + i,
				 got[i], byte);
}

#endif
