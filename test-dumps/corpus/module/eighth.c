// SPDX-License-Identifier: GPL-2.0
/*
 * An eighth lot, as seventh.c: what operators meet. A session ends twice, a header needs room that is not there, a lock is taken
 * along into an idle worker, a reader of routes keeps the memory of all others, a count of a virtual queue wraps.
 */
#include "mishap.h"
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static u64 total;

/* sessions by number in a tree; one is over by time, and then its user says goodbye as well */
struct session {
	struct rb_node node;
	u64 number;
	u64 bytes;
};

static struct rb_root sessions = RB_ROOT;
static struct session session_table[4];
static DEFINE_SPINLOCK(sessions_lock);

static noinline void session_add(struct session *session)
{
	struct rb_node **link = &sessions.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (session->number < rb_entry(parent, struct session, node)->number)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&session->node, parent, link);
	rb_insert_color(&session->node, &sessions);
}

static noinline void session_forget(struct session *session)
{
	spin_lock(&sessions_lock);
	rb_erase(&session->node, &sessions);
	spin_unlock(&sessions_lock);
	total += session->bytes;
}

static noinline void session_expire(struct session *session)
{
	session_forget(session);
	total++;
}

static void sessions_open(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(session_table); i++) {
		session_table[i].number = i + 1;
		session_add(&session_table[i]);
	}
	session_expire(&session_table[3]);
	session_expire(&session_table[0]);
}

static noinline void session_logout(void)
{
	session_forget(&session_table[0]);
	total++;
}

/* a cache that tells how to free its objects, and forgets to tell how many there are */
static noinline unsigned long albums_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	total += control->nr_to_scan;
	return SHRINK_STOP;
}

static void albums_cached(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "mishap-albums");

	if (!shrinker)
		return;
	shrinker->scan_objects = albums_scan;
	shrinker_register(shrinker);
}

/* a tunnel puts its header before a frame, where a frame of another driver leaves no room */
struct frame {
	u8 *data;
	u32 length;
};

static struct kmem_cache *frame_cache;

static noinline void frame_push(struct frame *frame, const void *header, u32 length)
{
	frame->data -= length;
	frame->length += length;
	memcpy(frame->data, header, length);
}

static noinline void tunnel_send(struct frame *frame)
{
	static const u8 header[8] = "\x08\x00\x00\x00\x00\x2a\x17\x00";

	frame_push(frame, header, sizeof(header));
	total += frame->length;
}

static noinline void frame_free(void *buffer)
{
	kmem_cache_free(frame_cache, buffer);
}

static void header_pushed(void)
{
	struct frame frame = { .length = 1280 };
	void *buffer;

	frame_cache =
		kmem_cache_create("mishap_frame", 1536, 0,
				  SLAB_RED_ZONE | SLAB_POISON | SLAB_CONSISTENCY_CHECKS, NULL);
	buffer = frame_cache ? kmem_cache_zalloc(frame_cache, GFP_KERNEL) : NULL;
	if (!buffer)
		return;
	frame.data = buffer;
	tunnel_send(&frame);
	frame_free(buffer);
}

/* work that leaves by an error path with its lock in hand */
static DEFINE_SPINLOCK(radio_lock);
static struct work_struct radio_work;
static u32 radio_busy = 1;

static noinline void radio_off(struct work_struct *unused)
{
	spin_lock(&radio_lock);
	if (READ_ONCE(radio_busy))
		return;
	total++;
	spin_unlock(&radio_lock);
}

static void radio_silent(void)
{
	INIT_WORK(&radio_work, radio_off);
	schedule_work_on(1, &radio_work);
}

/* what is for soft interrupts is called in a hard one */
static DEFINE_SPINLOCK(tx_lock);
static u64 tx_done;

static noinline void tx_reclaim(void)
{
	spin_lock_bh(&tx_lock);
	tx_done++;
	spin_unlock_bh(&tx_lock);
}

static noinline void tx_complete(void)
{
	tx_reclaim();
	total++;
}

/* routes come and go, and the old ones wait for their readers, of whom one walks in a circle */
struct route {
	struct route *next;
	struct rcu_head rcu;
	u64 target;
	u8 metrics[3900];
};

static struct route *routes, *route_late;

static noinline u64 routes_walk(void)
{
	struct route *route;
	u64 sum = 0;

	for (route = READ_ONCE(routes); route; route = READ_ONCE(route->next))
		sum += READ_ONCE(route->target);
	return sum;
}

static noinline int routes_dump(void *data)
{
	rcu_read_lock();
	total += routes_walk();
	rcu_read_unlock();
	return 0;
}

static noinline void route_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct route, rcu));
}

static noinline int route_replace(u64 target)
{
	struct route *route = kzalloc(sizeof(*route), GFP_KERNEL), *old;

	if (!route)
		return -ENOMEM;
	route->target = target;
	old = xchg(&route_late, route);
	if (old)
		call_rcu(&old->rcu, route_free);
	return 0;
}

static noinline int routes_flap(void *data)
{
	u64 target = 0;

	schedule_timeout_uninterruptible(HZ);
	while (!route_replace(target++))
		cond_resched();
	return 0;
}

static void routes_new(void)
{
	routes = kzalloc(sizeof(*routes), GFP_KERNEL);
	if (!routes)
		return;
	routes->next = routes;
	spawn(routes_dump, "routes_dump", 1);
	spawn(routes_flap, "routes_flap", 2);
}

/* the device counts by 16 bits what it has used, the driver by 64 */
struct used_ring {
	u16 flags;
	u16 index;
	u32 lengths[64];
};

static struct used_ring used_ring = { .index = 3 };
static u64 used_last = 65533;

static noinline void queue_reap(struct used_ring *ring)
{
	while (READ_ONCE(used_last) != READ_ONCE(ring->index)) {
		total += READ_ONCE(ring->lengths[used_last % ARRAY_SIZE(ring->lengths)]);
		WRITE_ONCE(used_last, used_last + 1);
	}
}

static noinline void queue_notified(void)
{
	queue_reap(&used_ring);
	total++;
}

const struct act eighth_acts[] = {
	{ "sessions_open", sessions_open },
	{ "session_logout", session_logout },
	{ "albums_cached", albums_cached },
	{ "header_pushed", header_pushed },
	{ "radio_silent", radio_silent },
	{ "tx_complete", tx_complete },
	{ "routes_new", routes_new },
	{ "queue_notified", queue_notified },
	{},
};
