// SPDX-License-Identifier: GPL-3.0-or-later
// Values of the guest that crash believes without a look while it starts: CPU numbers that index its arrays, counts
// that it allocates by, trees that it follows, lengths that it adds to a pointer. One that cannot be is overlaid with
// one that does no harm, for the time of the start and for crash alone: lakvm's commands see what the dump has.
// Places in crash, 8.0.4 to 9.0.2: add_context(), task_init(), do_xarray_iter() and refresh_*_task_table() of task.c
// and tools.c, loongarch64_get_crash_notes().
#include "crash.h"
#include "glue.h"

#include "lakvm/dump/dump.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/guest/task.h"

/* Where a stack that cannot be read is shown to crash instead: as sections.c has it, below its places. */
#define STACKS_PA UINT64_C(0xe00000000000)
#define WINDOW ((uint64_t)LA_CACHED_WINDOW << 60)

#define PID_MAX (1 << 22) /* PID_MAX_LIMIT of include/linux/threads.h */
#define MAX_NODES (PID_MAX / 32)

/* Lay @value, of @size bytes, over what crash reads at @va. False: nothing is mapped there. */
static bool lay(const struct la_kernel *k, uint64_t va, uint64_t value, size_t size)
{
	struct la_translation t;

	return la_translate(k->door, &k->mmu, k->mmu.kernel_pgd, va, &t, NULL) == LA_OK &&
	       overlay_patch(t.pa, &value, size);
}

static bool member_of(const struct la_kernel *k, const char *type, const char *name,
		      struct la_member *ret)
{
	return k->door->member(k->door->ctx, type, name, ret);
}

/* --- the tree of process numbers --- */

struct tree {
	const struct la_kernel *k;
	struct la_member shift, slots;
	unsigned bits, nslots; /* of an index, in one node */
	uint64_t *node;        /* seen */
	size_t nnodes, room, entries;
};

static bool remember(struct tree *t, struct la_arena *arena, uint64_t node)
{
	uint64_t *list;

	if (t->nnodes == MAX_NODES)
		return false;
	list = la_room(arena, t->node, t->nnodes, &t->room, sizeof(*list));
	if (!list)
		return false;
	t->node = list;
	t->node[t->nnodes++] = node;
	return true;
}

/* An entry with these two bits is a node (include/linux/xarray.h, xa_is_internal). */
#define IS_NODE(entry) (((entry)&3) == 2 && (entry) > 4096)

/* Do all nodes from here on read, and say the level that they are on? */
static bool node_is_sound(struct tree *t, struct la_arena *arena, uint64_t node, int shift)
{
	uint64_t slot[64];
	unsigned char says;

	if (shift < 0 || !remember(t, arena, node) ||
	    la_read(t->k, node + t->shift.offset, &says, 1, NULL) != LA_OK || says != shift ||
	    la_read(t->k, node + t->slots.offset, slot, t->nslots * 8, NULL) != LA_OK)
		return false;
	for (unsigned i = 0; i < t->nslots; i++) {
		if (!slot[i])
			continue;
		t->entries++;
		if (shift && (!IS_NODE(slot[i]) || !node_is_sound(t, arena, slot[i] & ~UINT64_C(3),
								  shift - (int)t->bits)))
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* crash gives up at a node that it meets twice, and takes for ever if the nodes are none. */
static bool tree_is_sound(struct tree *t, struct la_arena *arena, uint64_t head)
{
	unsigned char shift;

	if (!head)
		return true;
	if (!IS_NODE(head))
		return false;
	head &= ~UINT64_C(3);
	if (la_read(t->k, head + t->shift.offset, &shift, 1, NULL) != LA_OK || shift > 30 ||
	    !node_is_sound(t, arena, head, shift))
		return false;
	qsort(t->node, t->nnodes, sizeof(*t->node), compare);
	for (size_t i = 1; i < t->nnodes; i++)
		if (t->node[i] == t->node[i - 1])
			return false;
	return true;
}

/* Since 4.20; what kernels before had in its place is left as it is. */
static void check_pids(const struct la_kernel *k, struct la_arena *arena, size_t *ret_n)
{
	const struct la_door *door = k->door;
	struct tree t = { .k = k };
	struct la_member idr, root, xa;
	uint64_t at, head;

	if (!door->symbol(door->ctx, "init_pid_ns", &at) ||
	    !member_of(k, "pid_namespace", "idr", &idr) || !member_of(k, "idr", "idr_rt", &root) ||
	    !(member_of(k, "xarray", "xa_head", &xa)) ||
	    !member_of(k, "xa_node", "shift", &t.shift) ||
	    !member_of(k, "xa_node", "slots", &t.slots))
		return;
	t.nslots = (unsigned)(t.slots.size / 8);
	if (t.nslots != 16 && t.nslots != 64)
		return;
	t.bits = t.nslots == 64 ? 6 : 4;
	at += idr.offset + root.offset + xa.offset;
	if (la_read_u64(k, at, &head, NULL) == LA_OK && tree_is_sound(&t, arena, head)) {
		*ret_n = t.entries;
		return;
	}
	if (lay(k, at, 0, 8))
		error(WARNING,
		      "lakvm: the tree of process numbers cannot be read, or is damaged: crash knows only the tasks that run\n");
}

/*
 * crash allocates for as many tasks, and for a few more: where the tree has more entries it allocates again, but with
 * too little room for the idle tasks of many CPUs (TASK_SLUSH).
 */
static void check_count(const struct la_kernel *k, size_t n)
{
	uint64_t value, at;

	if (la_read_variable(k, "nr_threads", 4, &value, NULL) != LA_OK ||
	    !k->door->symbol(k->door->ctx, "nr_threads", &at) || (value >= n && value <= PID_MAX))
		return;
	if (lay(k, at, n + NR_CPUS, 4) && (value > PID_MAX || value + NR_CPUS < n))
		error(WARNING, "lakvm: nr_threads is %d: crash is told %zu\n", (int)value,
		      n + NR_CPUS);
}

/* --- the CPU number of a task that runs: add_context() writes panic_threads[] with it --- */

static bool info_of(const struct la_kernel *k, uint64_t task, uint64_t *ret)
{
	struct la_member m;

	if (!k->thread_info_in_task)
		return la_read_member(k, task, "task_struct", "stack", ret, NULL) == LA_OK;
	if (!member_of(k, "task_struct", "thread_info", &m))
		return false;
	*ret = task + m.offset;
	return true;
}

/* A page of zeros with the CPU's number in it, for crash to find where the task says that its stack is. */
static void give_stack(const struct la_kernel *k, uint64_t task, unsigned cpu, size_t cpu_offset)
{
	const uint64_t pa = STACKS_PA + (uint64_t)cpu * LA_THREAD_SIZE;
	unsigned char *page = overlay_add(pa, 4096, true);
	struct la_member stack;

	if (!page || cpu_offset > 4092 || !member_of(k, "task_struct", "stack", &stack))
		return;
	memcpy(page + cpu_offset, &cpu, sizeof(cpu));
	lay(k, task + stack.offset, WINDOW + pa, 8);
	error(WARNING, "lakvm: the stack of the task on CPU %u cannot be read\n", cpu);
}

static void check_running(const struct la_kernel *k, unsigned cpu)
{
	struct la_member m;
	uint64_t task, info, value, size;

	if (la_cpu_curr(k, cpu, &task, NULL) != LA_OK || !info_of(k, task, &info) ||
	    !member_of(k, "thread_info", "cpu", &m))
		return;
	/* All of it is read at once. */
	if (la_read_member(k, info, "thread_info", "cpu", &value, NULL) != LA_OK ||
	    !k->door->type_size(k->door->ctx, "thread_info", (size_t *)&size) ||
	    la_read_u64(k, info + size - 8, &size, NULL) != LA_OK) {
		if (!k->thread_info_in_task)
			give_stack(k, task, cpu, m.offset);
	} else if (value >= k->ncpus && lay(k, info + m.offset, cpu, 4)) {
		error(WARNING,
		      "lakvm: thread_info of the task on CPU %u is overwritten: CPU %d is none\n",
		      cpu, (int)value);
	}
}

void claims_tasks(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = kernel ? stack_memory() : NULL;
	size_t n = 0;

	if (!arena)
		return;
	check_pids(kernel, arena, &n);
	check_count(kernel, n);
	for (unsigned cpu = 0; cpu < kernel->ncpus && cpu < NR_CPUS; cpu++)
		check_running(kernel, cpu);
	stack_memory_free();
}

/* The CPU that runs it; else 0, where something has to be said. */
static int cpu_of(ulong task)
{
	for (int i = 0; tt->active_set && i < kt->cpus && i < NR_CPUS; i++)
		if (tt->active_set[i] == task)
			return i;
	return 0;
}

void claims_settle_tasks(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct task_context *tc = FIRST_CONTEXT();
	uint64_t info;

	for (ulong i = 0; kernel && i < RUNNING_TASKS(); i++, tc++) {
		if (tc->processor < 0 || tc->processor >= NR_CPUS)
			tc->processor = cpu_of(tc->task);
		if (tc->thread_info >= WINDOW + STACKS_PA && info_of(kernel, tc->task, &info))
			tc->thread_info = info;
	}
	/* Divided by in every time that is printed. */
	if (machdep->hz == 0)
		machdep->hz = 250;
}

/* --- notes that kdump would have written: crash adds the length of a name to a pointer --- */

#define NT_PRSTATUS_NAME 8 /* "CORE" and its end, in whole words */

void claims_notes(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	uint64_t base;
	uint32_t head[3];

	if (!kernel || !kernel->percpu ||
	    la_read_variable(kernel, "crash_notes", 8, &base, NULL) != LA_OK)
		return;
	for (unsigned cpu = 0; cpu < kernel->ncpus; cpu++) {
		const uint64_t note = base + kernel->percpu[cpu];

		if (la_read(kernel, note, head, sizeof(head), NULL) != LA_OK ||
		    head[0] <= NT_PRSTATUS_NAME)
			continue;
		/* Of no type that crash goes on with. */
		if (lay(kernel, note + 8, 0, 4))
			error(WARNING, "lakvm: the crash note of CPU %u is damaged\n", cpu);
	}
}
