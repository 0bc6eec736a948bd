// SPDX-License-Identifier: GPL-2.0
/* Wrong addresses, freed memory, corrupted lists, counters and stacks. */
#include "mishap.h"
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/string.h>

static struct ring *rings[4]; /* nobody has filled them */
static u64 sum;
static struct kmem_cache *cache;

noinline struct ring *ring_of(unsigned int number)
{
	return READ_ONCE(rings[number % ARRAY_SIZE(rings)]);
}

noinline u64 ring_posted(struct ring *ring)
{
	return READ_ONCE(ring->posted);
}

static noinline void ring_post(struct ring *ring, u64 value)
{
	WRITE_ONCE(ring->posted, value);
}

static void null_read(void)
{
	sum += ring_posted(ring_of(0));
}

static void null_write(void)
{
	ring_post(ring_of(1), sum);
}

struct table {
	u8 head[0x12340];
	u64 last;
};

static noinline u64 table_last(struct table *table)
{
	return READ_ONCE(table->last);
}

static void null_far(void)
{
	sum += table_last((struct table *)ring_of(2));
}

static u64 no_ring;

static noinline u64 ring_at(unsigned long where)
{
	return ring_posted((struct ring *)(where + READ_ONCE(no_ring)));
}

/* no address of any segment, the middle of vmalloc's region where nothing is, and a user's */
static void wild_read(void)
{
	sum += ring_at(0x1234567890abcde0);
}

static void hole_read(void)
{
	sum += ring_at(0xffff8000dead0000);
}

static void user_read(void)
{
	sum += ring_at(0x100004000);
}

static void errptr_read(void)
{
	sum += ring_at(-ENODEV);
}

/* ours has poison and red zones whatever the kernel's command line says */
static struct ring *new_ring(void)
{
	struct ring *ring;

	if (!cache)
		cache = kmem_cache_create("mishap_ring", sizeof(*ring), 0,
					  SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON,
					  NULL);
	ring = kmem_cache_zalloc(cache, GFP_ATOMIC);
	INIT_LIST_HEAD(&ring->link);
	ring->slots = &sum;
	refcount_set(&ring->users, 1);
	return ring;
}

static noinline u64 ring_first_slot(struct ring *ring)
{
	return READ_ONCE(ring->slots[0]);
}

static noinline int ring_complete(struct ring *ring)
{
	return READ_ONCE(ring->done)(ring);
}

static noinline void ring_free(struct ring *ring)
{
	kmem_cache_free(cache, ring);
	barrier();
}

static void freed_read(void)
{
	struct ring *ring = new_ring();

	ring_free(ring);
	sum += ring_first_slot(ring);
}

static void freed_call(void)
{
	struct ring *ring = new_ring();

	ring_free(ring);
	sum += ring_complete(ring);
}

static void double_free(void)
{
	struct ring *ring = new_ring();

	ring_free(ring);
	ring_free(ring);
}

static noinline void ring_name(struct ring *ring, size_t size)
{
	memset(ring->name, 'x', size);
}

static void red_zone(void)
{
	struct ring *ring = new_ring();

	ring_name(ring, sizeof(*ring) - offsetof(struct ring, name) + 4 + READ_ONCE(no_ring));
	ring_free(ring);
}

static void freed_write(void)
{
	struct ring *ring = new_ring();

	ring_free(ring);
	ring_post(ring, 0x1122334455667788);
	ring_free(new_ring());
	new_ring();
}

static noinline void ring_unlink(struct ring *ring)
{
	list_del(&ring->link);
	barrier();
}

static LIST_HEAD(ring_list);

static void list_del_twice(void)
{
	struct ring *ring = new_ring();

	list_add(&ring->link, &ring_list);
	ring_unlink(ring);
	ring_unlink(ring);
}

static noinline void ring_link(struct ring *ring)
{
	list_add(&ring->link, &ring_list);
	barrier();
}

static void list_add_twice(void)
{
	struct ring *ring = new_ring();

	ring_link(ring);
	ring_link(ring);
}

static noinline void ring_get(struct ring *ring)
{
	refcount_inc(&ring->users);
	barrier();
}

static noinline bool ring_put(struct ring *ring)
{
	return refcount_dec_and_test(&ring->users);
}

static void refcount_zero(void)
{
	struct ring *ring = new_ring();

	sum += ring_put(ring);
	ring_get(ring);
}

static void refcount_below(void)
{
	struct ring *ring = new_ring();

	sum += ring_put(ring);
	sum += ring_put(ring);
}

static noinline int ring_parse(const char *from, size_t size)
{
	char text[24];

	memcpy(text, from, size);
	return text[3] + text[READ_ONCE(no_ring)];
}

static char long_text[256] =
	"a text that is much longer than the buffer which waits for it, and so destroys what is behind";

static void stack_smash(void)
{
	sum += ring_parse(long_text, 48 + READ_ONCE(no_ring));
}

static noinline u64 tree_depth(struct ring *ring, u64 level)
{
	u64 path[16];

	memset(path, (int)level, sizeof(path));
	path[level % 16] = tree_depth(ring, level + 1);
	return path[(level + 1) % 16] + path[level % 16];
}

static void stack_recursion(void)
{
	sum += tree_depth(ring_of(0), READ_ONCE(no_ring));
}

static noinline u64 table_copy(u8 value)
{
	u8 copy[3 * 8192];

	memset(copy, value, sizeof(copy));
	return copy[READ_ONCE(no_ring)] + copy[sizeof(copy) - 1 - READ_ONCE(no_ring)];
}

static void stack_frame(void)
{
	sum += table_copy(0x5a);
}

const struct act memory_acts[] = {
	{ "null_read", null_read },
	{ "null_write", null_write },
	{ "null_far", null_far },
	{ "wild_read", wild_read },
	{ "hole_read", hole_read },
	{ "user_read", user_read },
	{ "errptr_read", errptr_read },
	{ "freed_read", freed_read },
	{ "freed_call", freed_call },
	{ "freed_write", freed_write },
	{ "double_free", double_free },
	{ "red_zone", red_zone },
	{ "list_del_twice", list_del_twice },
	{ "list_add_twice", list_add_twice },
	{ "refcount_zero", refcount_zero },
	{ "refcount_below", refcount_below },
	{ "stack_smash", stack_smash },
	{ "stack_recursion", stack_recursion },
	{ "stack_frame", stack_frame },
	{},
};
