/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults on demand: each act is one mistake as a driver's author makes it, in functions named as a driver's are.
 * main.c runs an act in the context that it is told.
 */
#ifndef MISHAP_H
#define MISHAP_H

#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

struct act {
	const char *name;
	void (*run)(void);
};

/* each list ends with an act that has no name */
extern const struct act memory_acts[];
extern const struct act flow_acts[];
extern const struct act lock_acts[];
extern const struct act sleeper_acts[];
extern const struct act loop_acts[];
extern const struct act unseen_acts[];
extern const struct act unseen_wait_acts[];
extern const struct act second_acts[];
extern const struct act second_wait_acts[];
extern const struct act third_acts[];
extern const struct act third_wait_acts[];
extern const struct act fourth_acts[];
extern const struct act fourth_wait_acts[];
extern const struct act fifth_acts[];
extern const struct act fifth_wait_acts[];
extern const struct act sixth_acts[];
extern const struct act sixth_wait_acts[];
extern const struct act seventh_acts[];
extern const struct act seventh_wait_acts[];
extern const struct act eighth_acts[];
extern const struct act eighth_wait_acts[];
extern const struct act ninth_acts[];
extern const struct act ninth_wait_acts[];

/* a kernel thread of that name, bound to the CPU */
void spawn(int (*body)(void *data), const char *name, unsigned int cpu);

/* a device's ring, as drivers have them */
struct ring {
	struct list_head link;
	int (*done)(struct ring *ring);
	char name[40];
	u64 posted;
	u64 *slots;
	refcount_t users;
};

u64 ring_posted(struct ring *ring);
struct ring *ring_of(unsigned int number);

int disk_register(void);
void disk_unregister(void);

#endif
