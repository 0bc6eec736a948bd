// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzz target: the graph of who waits for whom. A sound guest (a list of tasks with threads, of whom some sleep for mutexes,
// an rwsem of an address space, a work item of a queue, a bit, and two CPUs that spin) is damaged as the input says, and asked.
//
// Records of 8 bytes: what to change (bits 0-1 of the first: 8 bytes of memory, 4 bytes, a register of a CPU, an offset of
// a structure), where (24 bits), and to what (32 bits; with bit 2 of the record the offset of an address in the guest, with
// bit 3 that of one of its tasks or locks).
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "../unit/asm.h"
#include "cpu/graph.h"
#include "cpu/priv.h"
#include "lakvm/cpu/waits.h"

#define WINDOW UINT64_C(0x9000000000000000)
#define VA(offset) (WINDOW | (RAM + (offset)))
#define FN(n) (0x1000 + 0x100 * (n))
#define CALL 0x20
#define FRAME 32
#define INIT 0x4000
#define TASK(n) (0x5000 + 0x200 * (n))
#define SIGNAL(n) (0x6000 + 0x20 * (n))
#define LOCK(n) (0x7000 + 0x40 * (n))
#define QNODES 0x8000          /* CPU n's at 0x40 * n behind */
#define BARRIER (LOCK(3) - 32) /* whose completion is lock 3 */
#define ITEM 0x9000
#define PWQ 0x9100
#define WQ 0x9200
#define POOL 0x9300
#define WORKER 0x9400
#define KTHREAD 0x9500
#define QUEUES 0x9600
#define STACK(n) (0xc000 + 0x4000 * (n))
#define NTASKS 6
#define NCPUS 3
#define SIZE (0xc000 + 0x4000 * NTASKS)

enum {
	SCHEDULE,
	MUTEX,
	RWSEM,
	COMPLETION,
	BIT,
	CALLER,
	THREAD,
	SLOWPATH,
	BARRIER_FUNC,
	STEP,
	NFUNCTIONS
};

static const char *const name[NFUNCTIONS] = {
	"schedule",        "__mutex_lock", "rwsem_down_write_slowpath", "wait_for_completion",
	"__wait_on_bit",   "caller",       "ret_from_kernel_thread",    "queued_spin_lock_slowpath",
	"wq_barrier_func", "step_two",
};

static struct {
	const char *type, *name;
	size_t offset, size;
} layout[] = {
	{ "task_struct", "__state", 0x10, 4 },
	{ "task_struct", "exit_state", 0x14, 4 },
	{ "task_struct", "tasks", 0x20, 16 },
	{ "task_struct", "thread_node", 0x30, 16 },
	{ "task_struct", "signal", 0x40, 8 },
	{ "task_struct", "pid", 0x48, 4 },
	{ "task_struct", "comm", 0x50, 16 },
	{ "task_struct", "stack", 0x60, 8 },
	{ "task_struct", "thread", 0x80, 112 },
	{ "task_struct", "pi_blocked_on", 0x68, 8 },
	{ "signal_struct", "thread_head", 0, 16 },
	{ "mutex", "owner", 0, 8 },
	{ "mutex", "wait_list", 16, 16 },
	{ "mutex_waiter", "list", 0, 16 },
	{ "mutex_waiter", "task", 16, 8 },
	{ "rw_semaphore", "count", 0, 8 },
	{ "rw_semaphore", "owner", 8, 8 },
	{ "rw_semaphore", "wait_list", 16, 16 },
	{ "rwsem_waiter", "list", 0, 16 },
	{ "rwsem_waiter", "task", 16, 8 },
	{ "completion", "wait", 8, 24 },
	{ "swait_queue_head", "task_list", 8, 16 },
	{ "swait_queue", "task_list", 0, 16 },
	{ "swait_queue", "task", 16, 8 },
	{ "wait_bit_queue_entry", "key", 0, 24 },
	{ "wait_bit_queue_entry", "wq_entry", 24, 40 },
	{ "wait_bit_key", "flags", 0, 8 },
	{ "wait_bit_key", "bit_nr", 8, 4 },
	{ "wait_queue_entry", "private", 8, 8 },
	{ "wait_queue_entry", "entry", 24, 16 },
	{ "wait_queue_head", "head", 8, 16 },
	{ "mcs_spinlock", "next", 0, 8 },
	{ "mcs_spinlock", "count", 12, 4 },
	{ "wq_barrier", "work", 0, 32 },
	{ "wq_barrier", "done", 32, 32 },
	{ "wq_flusher", "done", 24, 32 },
	{ "work_struct", "data", 0, 8 },
	{ "work_struct", "entry", 8, 16 },
	{ "work_struct", "func", 24, 8 },
	{ "worker", "node", 0x20, 16 },
	{ "worker", "scheduled", 0x40, 16 },
	{ "worker", "task", 0x50, 8 },
	{ "worker", "current_pwq", 0x58, 8 },
	{ "worker", "current_func", 0x60, 8 },
	{ "worker_pool", "cpu", 0, 4 },
	{ "worker_pool", "workers", 0x40, 16 },
	{ "pool_workqueue", "pool", 0, 8 },
	{ "pool_workqueue", "wq", 8, 8 },
	{ "pool_workqueue", "pwqs_node", 0x30, 16 },
	{ "pool_workqueue", "inactive_works", 0x50, 16 },
	{ "workqueue_struct", "pwqs", 0, 16 },
	{ "workqueue_struct", "list", 0x10, 16 },
	{ "workqueue_struct", "first_flusher", 0x20, 8 },
	{ "workqueue_struct", "name", 0x40, 32 },
	{ "kthread", "data", 8, 8 },
	{ "task_struct", "worker_private", 0x100, 8 },
	{ "task_struct", "vfork_done", 0x108, 8 },
	{ "task_struct", "mm", 0x110, 8 },
	{ "mm_struct", "mmap_lock", 0x10, 40 },
	{ "inode", "i_rwsem", 0x20, 40 },
	{ "inode", "i_ino", 0x10, 8 },
	{ "inode", "i_sb", 0x18, 8 },
	{ "inode", "i_data", 0x50, 0x80 },
	{ "address_space", "host", 0, 8 },
	{ "address_space", "i_mmap_rwsem", 0x28, 40 },
	{ "super_block", "s_id", 0x40, 32 },
	{ "super_block", "s_umount", 0x70, 40 },
	{ "super_block", "s_root", 0x20, 8 },
	{ "dentry", "d_sb", 8, 8 },
	{ "device", "mutex", 0x18, 32 },
	{ "device", "kobj", 0, 16 },
	{ "kobject", "name", 0, 8 },
	{ "kobject", "kset", 8, 8 },
};
#define NLAYOUT (sizeof(layout) / sizeof(layout[0]))

struct guest {
	unsigned char ram[SIZE];
	size_t moved[NLAYOUT]; /* by which an offset is changed */
};

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	return read_ram(((const struct guest *)ctx)->ram, SIZE, pa, ret, len);
}

static bool symbol(void *ctx, const char *wanted, uint64_t *ret)
{
	(void)ctx;
	for (size_t i = 0; i < NFUNCTIONS; i++)
		if (!strcmp(name[i], wanted))
			return *ret = VA(FN(i)), true;
	if (!strcmp(wanted, "_stext"))
		return *ret = VA(FN(0)), true;
	if (!strcmp(wanted, "_etext"))
		return *ret = VA(FN(NFUNCTIONS)), true;
	if (!strcmp(wanted, "init_task"))
		return *ret = VA(INIT), true;
	if (!strcmp(wanted, "qnodes"))
		return *ret = VA(QNODES), true;
	if (!strcmp(wanted, "workqueues"))
		return *ret = VA(QUEUES), true;
	if (!strcmp(wanted, "devices_kset"))
		return *ret = VA(QUEUES + 0x20), true;
	return false;
}

static bool symbol_at(void *ctx, uint64_t address, struct la_symbol *ret)
{
	const uint64_t n = (address - VA(FN(0))) / 0x100;

	(void)ctx;
	if (address < VA(FN(0)) || n >= NFUNCTIONS)
		return false;
	*ret = (struct la_symbol){ name[n], VA(FN(n)), VA(FN(n + 1)), NULL };
	return true;
}

static bool member(void *ctx, const char *type, const char *wanted, struct la_member *ret)
{
	const struct guest *g = ctx;

	for (size_t i = 0; i < NLAYOUT; i++)
		if (!strcmp(layout[i].type, type) && !strcmp(layout[i].name, wanted)) {
			*ret = (struct la_member){ layout[i].offset + g->moved[i], layout[i].size };
			return true;
		}
	if (!strcmp(type, "thread_struct") && !strncmp(wanted, "reg", 3)) {
		const size_t r = (size_t)atoi(wanted + 3);

		*ret = (struct la_member){ r == 1 ? 0 : r == 3 ? 8 : 8 * (r - 20), 8 };
		return r == 1 || r == 3 || (r >= 22 && r < 32);
	}
	return false;
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	(void)ctx;
	if (strcmp(type, "qnode"))
		return false;
	*ret = 16;
	return true;
}

static bool enumerator(void *ctx, const char *wanted, int64_t *ret)
{
	(void)ctx, (void)wanted, (void)ret;
	return false;
}

/* --- the sound guest --- */

static void function(struct guest *g, unsigned n, int callee)
{
	for (unsigned i = 0; i < 0x100; i += 4)
		put32(g->ram, FN(n) + i, NOP);
	put32(g->ram, FN(n), ADDI_D(SP, SP, -FRAME));
	put32(g->ram, FN(n) + 4, ST_D(RA, SP, 24));
	put32(g->ram, FN(n) + 8, ST_D(S0, SP, 16));
	if (callee >= 0) {
		put32(g->ram, FN(n) + CALL - 4, MOVE(A0, S1));
		put32(g->ram, FN(n) + CALL, BL(FN(n) + CALL, FN(callee)));
	}
	put32(g->ram, FN(n) + 0xf0, LD_D(RA, SP, 24));
	put32(g->ram, FN(n) + 0xf8, ADDI_D(SP, SP, FRAME));
	put32(g->ram, FN(n) + 0xfc, RET);
}

static void link_two(struct guest *g, size_t head, size_t note)
{
	put64(g->ram, head, VA(note));
	put64(g->ram, head + 8, VA(note));
	put64(g->ram, note, VA(head));
	put64(g->ram, note + 8, VA(head));
}

/* Task n sleeps in @wait(); its note goes to @head. */
static void sleeper(struct guest *g, unsigned n, unsigned wait, size_t head)
{
	const size_t sp = STACK(n) + 0x4000 - LA_PT_REGS_SIZE - 4 * FRAME;

	put32(g->ram, TASK(n) + 0x10, 2);
	put64(g->ram, TASK(n) + 0x80, VA(FN(SCHEDULE) + 0x40));
	put64(g->ram, TASK(n) + 0x88, VA(sp));
	put64(g->ram, sp + 24, VA(FN(wait) + CALL + 4));
	put64(g->ram, sp + FRAME + 24, VA(FN(CALLER) + CALL + 4));
	put64(g->ram, sp + FRAME + 16, VA(TASK(n)));
	put64(g->ram, sp + 2 * FRAME + 24, VA(FN(THREAD) + CALL + 4));
	if (head)
		link_two(g, head, sp + FRAME);
}

/* Task 3 works on an item, and waits for the next of its queue, which has to wait for it. */
static void build_work(struct guest *g)
{
	memcpy(g->ram + TASK(3) + 0x50, "kworker/0:1", 12);
	memcpy(g->ram + WQ + 0x40, "steps", 6);
	put64(g->ram, BARRIER + 24, VA(FN(BARRIER_FUNC)));
	put64(g->ram, ITEM, VA(PWQ) | 6);
	put64(g->ram, ITEM + 24, VA(FN(STEP)));
	link_two(g, ITEM + 8, BARRIER + 8);
	put64(g->ram, PWQ, VA(POOL));
	put64(g->ram, PWQ + 8, VA(WQ));
	link_two(g, WQ, PWQ + 0x30);
	link_two(g, QUEUES, WQ + 0x10);
	link_two(g, PWQ + 0x50, ITEM + 8);
	put32(g->ram, POOL, 0xffffffff);
	link_two(g, POOL + 0x40, WORKER + 0x20);
	link_two(g, WORKER + 0x40, WORKER + 0x40);
	put64(g->ram, WORKER + 0x50, VA(TASK(3)));
	put64(g->ram, WORKER + 0x58, VA(PWQ));
	put64(g->ram, WORKER + 0x60, VA(FN(CALLER)));
	put64(g->ram, TASK(3) + 0x100, VA(KTHREAD));
	put64(g->ram, KTHREAD + 8, VA(WORKER));
}

static void build(struct guest *g)
{
	memset(g, 0, sizeof(*g));
	for (unsigned n = 0; n < NFUNCTIONS; n++)
		function(g, n, n == THREAD ? CALLER : n == CALLER ? SLOWPATH : SCHEDULE);
	for (unsigned n = 0; n < NTASKS; n++) {
		const size_t task = TASK(n), next = n + 1 < NTASKS ? TASK(n + 1) : INIT;

		put64(g->ram, (n ? TASK(n - 1) : INIT) + 0x20, VA(task + 0x20));
		put64(g->ram, task + 0x20, VA(next + 0x20));
		put64(g->ram, task + 0x40, VA(SIGNAL(n)));
		put64(g->ram, SIGNAL(n), VA(task + 0x30));
		put64(g->ram, task + 0x30, VA(SIGNAL(n)));
		put32(g->ram, task + 0x48, 100 + n);
		put64(g->ram, task + 0x60, VA(STACK(n)));
	}
	sleeper(g, 0, MUTEX, LOCK(0) + 16);
	sleeper(g, 1, MUTEX, LOCK(1) + 16);
	put64(g->ram, LOCK(0), VA(TASK(1)));
	put64(g->ram, LOCK(1), VA(TASK(2)));
	sleeper(g, 2, RWSEM, LOCK(2) + 16);
	put64(g->ram, LOCK(2), 0x102);
	put64(g->ram, LOCK(2) + 8, VA(TASK(3)) | 1);
	put64(g->ram, TASK(2) + 0x110, VA(LOCK(2) - 0x10));
	build_work(g);
	sleeper(g, 3, COMPLETION, LOCK(3) + 16);
	sleeper(g, 4, BIT, 0);
	put32(g->ram, LOCK(4), 2 << 18 | 0x101);
	put32(g->ram, QNODES + 0x40 + 12, 1);
}

struct cpus {
	struct la_cpu cpu[NCPUS];
	struct la_frame frame[NCPUS][3];
};

static void build_cpus(struct cpus *c)
{
	memset(c, 0, sizeof(*c));
	for (unsigned n = 0; n < NCPUS; n++) {
		c->cpu[n] = (struct la_cpu){ .cpu = n,
					     .matched = true,
					     .waits_for = n ? -1 : 1,
					     .state = n ? LA_CPU_SPINNING : LA_CPU_IPI_WAIT };
		c->cpu[n].stack.frame = c->frame[n];
		c->cpu[n].stack.n = 2;
		la_gpr_set(&c->cpu[n].regs, LA_R_A0, VA(LOCK(4)));
		la_gpr_set(&c->cpu[n].regs, LA_R_RA, VA(FN(CALLER) + CALL + 4));
		c->frame[n][0] =
			(struct la_frame){ .symbol = name[SLOWPATH], .start = VA(FN(SLOWPATH)) };
		c->frame[n][1] = (struct la_frame){ .symbol = name[CALLER],
						    .start = VA(FN(CALLER)),
						    .pc = VA(FN(CALLER) + CALL + 4),
						    .pc_known = true,
						    .code = VA(FN(CALLER) + CALL),
						    .kept_known = 1 << (S1 - U0) };
		c->frame[n][1].kept[S1 - U0] = VA(LOCK(4));
	}
	c->cpu[2].state = LA_CPU_RUNNING;
	c->frame[2][0] = c->frame[2][1];
	c->frame[2][0].pc_known = false;
	c->frame[2][0].pc = c->frame[2][0].code = 0;
}

static void damage(struct guest *g, struct cpus *c, const uint8_t *record)
{
	const unsigned what = record[0];
	uint32_t where = record[1] | (uint32_t)record[2] << 8 | (uint32_t)record[3] << 16, word;
	uint64_t value;

	memcpy(&word, record + 4, 4);
	value = what & 8 ? VA(word & 1 ? TASK(word >> 1 & 7) : LOCK(word >> 1 & 7)) :
		what & 4 ? VA(word % SIZE) :
			   word;
	switch (what & 3) {
	case 0:
		put64(g->ram, where % (SIZE - 8) & ~7u, value);
		break;
	case 1:
		put32(g->ram, where % (SIZE - 4) & ~3u, word);
		break;
	case 2:
		la_gpr_set(&c->cpu[where % NCPUS].regs, (where >> 2) % LA_NGPR, value);
		break;
	default:
		g->moved[where % NLAYOUT] = word % 0x100;
	}
}

static void check(const struct la_waits *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const size_t next = la_waits_next(w, i), head = la_waits_head(w, i);

		if ((next != LA_NO_NODE && next >= w->n) || head >= w->n ||
		    (w->node[i].on != LA_NO_NODE && w->node[i].on >= w->nthings) ||
		    w->node[i].cycle > w->ncycles ||
		    (w->node[i].cycle &&
		     (next == LA_NO_NODE || w->node[next].cycle != w->node[i].cycle)) ||
		    w->node[i].behind > w->n)
			abort();
	}
	for (size_t i = 0; i < w->nthings; i++)
		for (size_t n = 0; n < w->thing[i].nqueue; n++)
			if (w->thing[i].queue[n].cpu >= NCPUS ||
			    w->thing[i].queue[n].level >= LA_QNODE_LEVELS)
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t percpu[NCPUS] = { 0, 0x40, 0x80 };
	struct guest *g = malloc(sizeof(*g));
	struct la_arena *arena = la_arena_new(64 << 20);
	struct la_door door = { .ctx = g,
				.read_phys = read_phys,
				.symbol = symbol,
				.symbol_at = symbol_at,
				.symbol_size = no_size,
				.member = member,
				.type_size = type_size,
				.enumerator = enumerator };
	struct la_kernel k = { .door = &door, .ncpus = NCPUS, .percpu = percpu };
	struct la_waits w;
	struct cpus c;
	struct la_cpus cpus = { .cpu = c.cpu, .n = NCPUS };

	k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	build(g);
	build_cpus(&c);
	for (size_t at = 0; at + 8 <= size && at < 8 * 64; at += 8)
		damage(g, &c, data + at);
	la_cpus_find_callers(&k, arena, &cpus);
	la_waits_find(&k, arena, &cpus, &w);
	check(&w);
	la_arena_free(arena);
	free(g);
	return 0;
}
