// SPDX-License-Identifier: GPL-3.0-or-later
// Locks that are no variables of their own but part of some structure: of which one, told by what that structure says of
// itself. Layouts: include/linux/{mm_types,fs,device,sched/signal}.h, 5.10 to 7.1.
#include <string.h>

#include "graph.h"
#include "lakvm/guest/inode.h"
#include "priv.h"

#define MAX_NAME 64

/* Where the structure begins of which @member is at @address; 0: nobody knows such a member. */
static uint64_t around(const struct la_graph *g, uint64_t address, const char *type,
		       const char *member)
{
	const struct la_door *door = g->k->door;
	struct la_member m;

	return door->member(door->ctx, type, member, &m) && address > m.offset ?
		       address - m.offset :
		       0;
}

static bool points_to(const struct la_graph *g, uint64_t base, const char *type, const char *member,
		      uint64_t target)
{
	uint64_t value;

	return la_read_member(g->k, base, type, member, &value, NULL) == LA_OK && value == target;
}

/* A text that @pointer leads to, with none but printable characters. */
static const char *text_at(const struct la_graph *g, uint64_t pointer)
{
	char *text;

	if (!la_kernel_address(g->k, pointer) ||
	    la_read_text(g->k, g->arena, pointer, MAX_NAME, &text, NULL) != LA_OK || !text[0])
		return NULL;
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			return NULL;
	return text;
}

static const char *file_system(const struct la_graph *g, uint64_t sb)
{
	const struct la_door *door = g->k->door;
	struct la_member id;

	return la_kernel_address(g->k, sb) && door->member(door->ctx, "super_block", "s_id", &id) ?
		       text_at(g, sb + id.offset) :
		       NULL;
}

/* --- address spaces: one of the tasks that wait or are waited for has it --- */

static const struct la_task *task_with(const struct la_graph *g, const char *member, uint64_t base)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].task.address &&
		    points_to(g, g->node[i].task.address, "task_struct", member, base))
			return &g->node[i].task;
	return NULL;
}

static const char *of_task(const struct la_graph *g, uint64_t address, const char *type,
			   const char *lock, const char *member)
{
	const uint64_t base = around(g, address, type, lock);
	const struct la_task *task = base ? task_with(g, member, base) : NULL;

	return task ? la_format(g->arena, "the %s of process %s (PID %d)", lock, task->comm,
				task->pid) :
		      NULL;
}

/* --- files: an inode's pages lead back to it --- */

static const char *of_inode(const struct la_graph *g, uint64_t inode, const char *lock)
{
	const struct la_door *door = g->k->door;
	struct la_member data;
	struct la_inode file;
	const char *whose;

	if (!inode || !door->member(door->ctx, "inode", "i_data", &data) ||
	    !points_to(g, inode + data.offset, "address_space", "host", inode) ||
	    !la_inode_read(g->k, inode, &file))
		return NULL;
	whose = la_inode_words(g->arena, &file);
	return whose ? la_format(g->arena, "the %s of %s", lock, whose) : NULL;
}

static const char *of_mapping(const struct la_graph *g, uint64_t address, const char *lock)
{
	const uint64_t mapping = around(g, address, "address_space", lock);
	const uint64_t inode = mapping ? around(g, mapping, "inode", "i_data") : 0;

	return of_inode(g, inode, lock);
}

static bool is_mounted(const struct la_graph *g, uint64_t sb)
{
	uint64_t root;

	return la_read_member(g->k, sb, "super_block", "s_root", &root, NULL) == LA_OK &&
	       points_to(g, root, "dentry", "d_sb", sb);
}

static const char *of_mount(const struct la_graph *g, uint64_t address)
{
	const uint64_t sb = around(g, address, "super_block", "s_umount");
	const char *fs = sb && is_mounted(g, sb) ? file_system(g, sb) : NULL;

	return fs ? la_format(g->arena, "the s_umount of the file system on %s", fs) : NULL;
}

/* A file system that is frozen keeps those out that want to write: by one of s_writers.rw_sem[], after its level. */
static const char *of_writers(const struct la_graph *g, uint64_t address)
{
	const struct la_door *door = g->k->door;
	struct la_member writers, sems;
	uint64_t frozen, sb;
	const char *fs;
	size_t size;

	if (!door->member(door->ctx, "super_block", "s_writers", &writers) ||
	    !door->member(door->ctx, "sb_writers", "rw_sem", &sems) ||
	    !door->type_size(door->ctx, "percpu_rw_semaphore", &size) || !size)
		return NULL;
	for (size_t i = 0; i < sems.size / size; i++) {
		sb = address - writers.offset - sems.offset - i * size;
		fs = is_mounted(g, sb) ? file_system(g, sb) : NULL;
		if (fs && la_read_member(g->k, sb + writers.offset, "sb_writers", "frozen", &frozen,
					 NULL) == LA_OK)
			return la_format(g->arena, "the right to write to the file system on %s%s",
					 fs,
					 frozen ? ", which is frozen (fsfreeze -u ends that)" : "");
	}
	return NULL;
}

/* --- devices: the name that sysfs has for it, and the set of devices that it is in --- */

static const char *of_device(const struct la_graph *g, uint64_t address)
{
	const struct la_door *door = g->k->door;
	const uint64_t device = around(g, address, "device", "mutex");
	struct la_member object;
	uint64_t name, set, list;
	const char *text;

	if (!device || !door->member(door->ctx, "device", "kobj", &object) ||
	    la_read_member(g->k, device + object.offset, "kobject", "kset", &set, NULL) != LA_OK ||
	    !door->symbol(door->ctx, "devices_kset", &list) ||
	    la_read_u64(g->k, list, &list, NULL) != LA_OK || set != list ||
	    la_read_member(g->k, device + object.offset, "kobject", "name", &name, NULL) != LA_OK)
		return NULL;
	text = text_at(g, name);
	return text ? la_format(g->arena, "the lock of the device %s", text) : NULL;
}

const char *la_lock_name(const struct la_graph *g, enum la_thing_kind kind, uint64_t address)
{
	const char *name = NULL;

	if (kind == LA_THING_MUTEX) {
		name = of_device(g, address);
		return name ? name :
			      of_task(g, address, "signal_struct", "cred_guard_mutex", "signal");
	}
	if (kind == LA_THING_PERCPU_RWSEM)
		return of_writers(g, address);
	if (kind != LA_THING_RWSEM)
		return NULL;
	name = of_task(g, address, "mm_struct", "mmap_lock", "mm");
	if (!name)
		name = of_inode(g, around(g, address, "inode", "i_rwsem"), "i_rwsem");
	if (!name)
		name = of_mapping(g, address, "i_mmap_rwsem");
	if (!name)
		name = of_mapping(g, address, "invalidate_lock");
	if (!name)
		name = of_mount(g, address);
	return name ? name : of_task(g, address, "signal_struct", "exec_update_lock", "signal");
}
