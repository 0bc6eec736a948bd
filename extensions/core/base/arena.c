// SPDX-License-Identifier: GPL-3.0-or-later
// The arena: blocks in a list, handed out from the newest one.
#include "lakvm/base/arena.h"
#include "lakvm/base/jump.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 65536

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct la_arena {
	struct block *newest;
	size_t left; /* bytes that may still be taken from the machine */
	size_t refused;
};

struct la_arena *la_arena_new(size_t limit)
{
	struct la_arena *arena;
	sigset_t before;

	la_hold(&before);
	arena = calloc(1, sizeof(*arena));
	la_release(&before);
	if (arena)
		arena->left = limit;
	return arena;
}

void la_arena_free(struct la_arena *arena)
{
	struct block *block, *next;
	sigset_t before;

	if (!arena)
		return;
	la_hold(&before);
	for (block = arena->newest; block; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
	la_release(&before);
}

/* A block of @want bytes, owned by the arena at once. */
static struct block *take_block(struct la_arena *arena, size_t want)
{
	struct block *block;
	sigset_t before;

	la_hold(&before);
	block = calloc(1, sizeof(*block) + want);
	if (block) {
		block->size = want;
		block->next = arena->newest;
		arena->newest = block;
		arena->left -= want;
	}
	la_release(&before);
	return block;
}

static void *refuse(struct la_arena *arena)
{
	arena->refused++;
	return NULL;
}

void *la_alloc(struct la_arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct block *block = arena->newest;
	size_t want;

	if (size > SIZE_MAX - BLOCK_SIZE)
		return refuse(arena);
	size = (size + align - 1) & ~(align - 1);

	if (!block || size > block->size - block->used) {
		want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		if (want > arena->left)
			want = size; /* near the limit a block is no larger than asked for */
		block = want > arena->left ? NULL : take_block(arena, want);
		if (!block)
			return refuse(arena);
	}
	block->used += size;
	return block->data + block->used - size;
}

size_t la_arena_refused(const struct la_arena *arena)
{
	return arena->refused;
}

void *la_alloc_n(struct la_arena *arena, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return refuse(arena);
	return la_alloc(arena, n * size);
}

void *la_regrow(struct la_arena *arena, const void *old, size_t old_n, size_t new_n, size_t size)
{
	void *grown = la_alloc_n(arena, new_n, size);

	if (grown && old_n)
		memcpy(grown, old, (old_n < new_n ? old_n : new_n) * size);
	return grown;
}

void *la_room(struct la_arena *arena, void *list, size_t n, size_t *room, size_t size)
{
	const size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (n < *room)
		return list;
	grown = la_regrow(arena, list, n, more, size);
	if (grown)
		*room = more;
	return grown;
}

char *la_format(struct la_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	text = la_alloc(arena, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

char *la_strndup(struct la_arena *arena, const char *text, size_t len)
{
	size_t n = strnlen(text, len);
	char *copy = la_alloc(arena, n + 1);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}
