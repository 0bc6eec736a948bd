/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory with one owner. crash's errors leave by longjmp, which skips every clean-up on the way;
 * what the core allocates for one answer therefore hangs from the caller's arena, which is freed
 * whichever way that ended. A signal handler may leave any of these functions by longjmp; one that leaves
 * la_arena_new() may lose the new arena.
 */
#ifndef LAKVM_ARENA_H
#define LAKVM_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct la_arena;

/**
 * A new arena that takes at most @limit bytes from the machine; it takes blocks, so what it hands out
 * is less. NULL if out of memory.
 */
struct la_arena *la_arena_new(size_t limit);

/** Free the arena and all it handed out. NULL is allowed. */
void la_arena_free(struct la_arena *arena);

/**
 * Zeroed memory aligned for any type, owned by the arena; NULL when the limit
 * or the machine's memory is exhausted. @size 0 gives a pointer that is not NULL and not to be read.
 */
void *la_alloc(struct la_arena *arena, size_t size);

/**
 * How many requests gave NULL so far: who goes on without what he asked for tells by this that his answer is
 * not whole.
 */
size_t la_arena_refused(const struct la_arena *arena);

/** As la_alloc for @n objects of @size bytes; an overflowing product gives NULL. */
void *la_alloc_n(struct la_arena *arena, size_t n, size_t size);

/**
 * Grow an array that came from this arena from @old_n to @new_n objects, the new ones zeroed. @old
 * may be NULL if @old_n is 0. The old block stays allocated: grow by doubling. NULL as la_alloc_n().
 */
void *la_regrow(struct la_arena *arena, const void *old, size_t old_n, size_t new_n, size_t size);

/**
 * @list, which has @n objects and room for *@room, with room for one more: twice as many when it is full, 16 at first.
 * NULL as la_alloc_n(); @list and *@room are as they were then.
 */
void *la_room(struct la_arena *arena, void *list, size_t n, size_t *room, size_t size);

/** Formatted text owned by the arena; NULL when out of memory. */
char *la_format(struct la_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * Copy of at most @len bytes of @text, up to a NUL, NUL-terminated, owned by the arena; NULL when out
 * of memory.
 */
char *la_strndup(struct la_arena *arena, const char *text, size_t len);

#endif
