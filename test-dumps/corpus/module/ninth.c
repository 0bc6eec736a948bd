// SPDX-License-Identifier: GPL-2.0
/*
 * A ninth lot, as eighth.c: what operators meet. A rule for panics that is too sharp, a queue for memory's sake that waits for one
 * that is not, a title that is too long, a wipe without a pause, a list of names on the stack, an order that was cancelled twice.
 */
#include "mishap.h"
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

static u64 total;

static void pause_ms(unsigned int ms)
{
	schedule_timeout_uninterruptible(msecs_to_jiffies(ms));
}

/* a fan is faster than its data sheet says */
static u32 vent_speed = 9400;

static noinline void vent_check(u32 speed)
{
	WARN(speed > 9000, "vent: %u turns a minute\n", speed);
	total += speed;
}

static noinline void vent_checked(void)
{
	vent_check(READ_ONCE(vent_speed));
	total++;
}

/* what is to work where memory is out waits for what needs not */
static struct workqueue_struct *tram_queue;
static struct work_struct tram_work, tram_survey;

static noinline void tram_count(struct work_struct *unused)
{
	total++;
}

static noinline void tram_flush(void)
{
	schedule_work(&tram_survey);
	flush_work(&tram_survey);
	total++;
}

static noinline void tram_send(struct work_struct *unused)
{
	tram_flush();
	total++;
}

static void tram_sent(void)
{
	tram_queue = alloc_workqueue("tram_reclaim", WQ_MEM_RECLAIM, 0);
	if (!tram_queue)
		return;
	INIT_WORK(&tram_work, tram_send);
	INIT_WORK(&tram_survey, tram_count);
	queue_work_on(1, tram_queue, &tram_work);
}

/* a title is longer than its place, and what comes behind that are the parcels by number */
struct office {
	char title[16];
	struct xarray parcels;
};

static struct office office = { .parcels = XARRAY_INIT(office.parcels, 0) };

static noinline void office_rename(struct office *office, const char *title)
{
	memcpy(office->title, title, strlen(title));
}

static void office_renamed(void)
{
	office_rename(&office, "Parcel office, counter: north 12");
}

static noinline void *parcel_find(struct office *office, unsigned long number)
{
	void *parcel = xa_load(&office->parcels, number);

	total++;
	return parcel;
}

static noinline void parcel_sought(void)
{
	if (parcel_find(&office, 7))
		total++;
}

/* a disk is wiped as a guideline of another time wants it, and a thousand times that */
static noinline void wipe_pass(u8 *buffer, size_t size, unsigned int pass)
{
	memset(buffer, pass, size);
	barrier();
}

static noinline int wipe_run(void *data)
{
	size_t size = 8 << 20;
	u8 *buffer = vmalloc(size);
	unsigned int pass;

	if (!buffer)
		return -ENOMEM;
	for (pass = 0; pass < 35000; pass++)
		wipe_pass(buffer, size, pass);
	vfree(buffer);
	return 0;
}

static void wipe_begun(void)
{
	spawn(wipe_run, "wiper", 2);
}

/* a name is written to the stack, longer than its place, and what its caller had in a register is there */
struct visitor {
	char name[64];
	u64 *visits;
	u32 floor;
};

static u64 visitor_visits;
static struct visitor visitor = { "Ms. Ambrosia Featherstone, Lower Piddletrenthide, Dorset",
				  &visitor_visits, 4 };
static struct visitor *visitor_next = &visitor;

static __attribute__((noipa)) void badge_seal(char *text, u32 floor)
{
	total += text[0] + floor;
}

static __attribute__((noipa)) char badge_letter(char letter)
{
	return letter >= 'a' && letter <= 'z' ? letter - 32 : letter;
}

static __attribute__((noipa)) void badge_print(struct visitor *visitor, u32 floor)
{
	char text[16];
	unsigned int i;

	for (i = 0; READ_ONCE(visitor->name[i]); i++)
		text[i] = badge_letter(visitor->name[i]);
	badge_seal(text, floor);
}

static __attribute__((noipa)) void badge_issue(struct visitor *visitor, u32 floor)
{
	unsigned int copy;

	for (copy = 0; copy < 2; copy++) {
		badge_print(visitor, floor);
		(*visitor->visits)++;
		badge_seal(visitor->name, visitor->floor);
	}
}

static noinline void badge_issued(void)
{
	badge_issue(READ_ONCE(visitor_next), 4);
	total++;
}

/* an order was cancelled by its customer and by its clerk; the next two customers get the same one */
struct order {
	struct list_head link;
	u64 number;
	char text[80];
};

static struct kmem_cache *order_cache;
static LIST_HEAD(orders);

static noinline struct order *order_new(u64 number)
{
	struct order *order = kmem_cache_alloc(order_cache, GFP_KERNEL);

	if (order)
		order->number = number;
	return order;
}

static noinline void order_cancel(struct order *order)
{
	total += order->number;
	kmem_cache_free(order_cache, order);
}

static noinline void order_queue(struct order *order)
{
	list_add_tail(&order->link, &orders);
	total++;
}

static noinline void orders_taken(void)
{
	struct order *first, *second;

	order_cache =
		kmem_cache_create("mishap_order", sizeof(struct order), 0, SLAB_NO_MERGE, NULL);
	first = order_cache ? order_new(1) : NULL;
	if (!first)
		return;
	order_cancel(first);
	order_cancel(first);
	first = order_new(2);
	second = order_new(3);
	if (!first || !second)
		return;
	order_queue(first);
	order_queue(second);
}

/* an oven takes its time, and the kernel was told to end the guest where anything does */
static DEFINE_MUTEX(oven_mutex);

static noinline void oven_preheat(void)
{
	msleep(60000);
	total++;
}

static noinline int oven_bake(void *data)
{
	mutex_lock(&oven_mutex);
	oven_preheat();
	mutex_unlock(&oven_mutex);
	return 0;
}

static noinline int oven_door(void *data)
{
	pause_ms(1000);
	mutex_lock(&oven_mutex);
	total++;
	mutex_unlock(&oven_mutex);
	return 0;
}

static void oven_on(void)
{
	spawn(oven_bake, "oven_bake", 1);
	spawn(oven_door, "oven_door", 0);
}

const struct act ninth_acts[] = {
	{ "vent_checked", vent_checked },
	{ "tram_sent", tram_sent },
	{ "office_renamed", office_renamed },
	{ "parcel_sought", parcel_sought },
	{ "wipe_begun", wipe_begun },
	{ "badge_issued", badge_issued },
	{ "orders_taken", orders_taken },
	{ "oven_on", oven_on },
	{},
};
