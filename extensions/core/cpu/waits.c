// SPDX-License-Identifier: GPL-3.0-or-later
// The graph of who waits for whom: CPUs that spin, tasks that sleep, and who holds what they want.
#include <string.h>

#include "graph.h"
#include "priv.h"

const char *la_thing_name(enum la_thing_kind kind)
{
	static const char *const names[] = {
		[LA_THING_UNKNOWN] = "unknown",
		[LA_THING_SPINLOCK] = "spinlock",
		[LA_THING_RWLOCK] = "rwlock",
		[LA_THING_MUTEX] = "mutex",
		[LA_THING_RWSEM] = "rwsem",
		[LA_THING_SEMAPHORE] = "semaphore",
		[LA_THING_RT_MUTEX] = "rt-mutex",
		[LA_THING_PERCPU_RWSEM] = "percpu-rwsem",
		[LA_THING_COMPLETION] = "completion",
		[LA_THING_BIT] = "bit",
		[LA_THING_PAGE] = "page",
		[LA_THING_QUEUE] = "wait-queue",
		[LA_THING_ANSWER] = "answer",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* kernel/locking/qspinlock.c: bits 0 to 15 are "locked" and "pending", those above name the last of the queue. */
bool la_thing_passes(const struct la_thing *thing)
{
	return thing->kind == LA_THING_SPINLOCK && thing->word_known && !(thing->word & 0xffff) &&
	       !thing->queue_cut && (thing->nqueue || !(uint32_t)thing->word);
}

const char *la_how_name(enum la_how how)
{
	static const char *const names[] = {
		[LA_HOW_UNKNOWN] = "unknown",  [LA_HOW_OWNER] = "owner", [LA_HOW_CODE] = "code",
		[LA_HOW_REST] = "elimination", [LA_HOW_ROLE] = "role",   [LA_HOW_READER] = "reader",
		[LA_HOW_NOBODY] = "nobody",
	};

	return (size_t)how < sizeof(names) / sizeof(names[0]) ? names[how] : "unknown";
}

/* --- nodes --- */

/* exit_state, and TASK_DEAD of __state (include/linux/sched.h; state before 5.14). */
#define TASK_DEAD 0x80
#define TASK_SLEEPS 0x3 /* interruptibly or not */
#define TASK_HALTED 0xc /* stopped or traced */

static char state_of(const struct la_kernel *k, uint64_t task)
{
	uint64_t state, gone;

	if (la_read_member(k, task, "task_struct", "__state", &state, NULL) != LA_OK &&
	    la_read_member(k, task, "task_struct", "state", &state, NULL) != LA_OK)
		return '?';
	if (la_read_member(k, task, "task_struct", "exit_state", &gone, NULL) == LA_OK &&
	    (gone || state & TASK_DEAD))
		return 'X';
	if (la_task_blocked(k, task))
		return 'D';
	if (state & TASK_HALTED)
		return 'T';
	return state & TASK_SLEEPS || (state && !(state & TASK_DEAD)) ? 'S' : 'R';
}

/* What a page fault runs before it has its address space's lock (arch/loongarch/mm/{fault.c,tlbex.S}, mm/memory.c). */
static bool takes_mmap_lock(const char *symbol)
{
	static const char *const names[] = { "lock_mm_and_find_vma", "do_page_fault",
					     "__do_page_fault", "tlb_do_page_fault_0",
					     "tlb_do_page_fault_1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (la_is_function(symbol, names[i]))
			return true;
	return false;
}

/* What copies to and from user space for others (arch/loongarch/lib, lib/usercopy.c, lib/strn*_user.c). */
static bool copies_for_others(const char *symbol)
{
	static const char *const begins[] = { "__clear_user",      "__copy_user",
					      "_copy_from_user",   "_copy_to_user",
					      "strncpy_from_user", "strnlen_user" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(symbol, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/*
 * A page fault that waits for the lock of its address space: the function of the kernel that touched the page, from
 * frame @at of the handler outwards. Where a user's instruction did, or nothing is known, @at itself.
 */
static size_t who_touched(const struct la_stack *stack, size_t at)
{
	size_t i = at;

	while (i < stack->n && !stack->frame[i].pt_regs && stack->frame[i].symbol &&
	       takes_mmap_lock(stack->frame[i].symbol))
		i++;
	if (i + 1 >= stack->n || !stack->frame[i].pt_regs || !stack->frame[i].symbol ||
	    !takes_mmap_lock(stack->frame[i].symbol))
		return at;
	for (i++; i < stack->n && stack->frame[i].symbol; i++)
		if (!copies_for_others(stack->frame[i].symbol))
			return i;
	return at;
}

/* The first function from frame @from outwards that says what it is about. */
static void find_function(struct la_wait_node *node, size_t from)
{
	const struct la_stack *stack = node->stack;

	node->frame = from;
	for (size_t i = from; stack && i < stack->n; i++) {
		const struct la_frame *f = &stack->frame[i];

		if (!f->symbol || la_is_waiting(f->symbol) || f->method == LA_FROM_SCAN)
			continue;
		if (takes_mmap_lock(f->symbol)) {
			i = who_touched(stack, i);
			f = &stack->frame[i];
		}
		node->function = f->symbol;
		node->pc = f->pc_known ? f->pc : 0;
		node->frame = i;
		return;
	}
}

static struct la_wait_node *add_node(struct la_graph *g, int cpu)
{
	struct la_wait_node *node;

	if (g->n == LA_MAX_WAITS) {
		g->left_out++;
		return NULL;
	}
	node = &g->node[g->n++];
	*node = (struct la_wait_node){ .cpu = cpu, .on = LA_NO_NODE, .state = '?', .ready_on = -1 };
	return node;
}

/* A tick says nothing of what it came upon. */
static size_t frame_of(const struct la_cpu *c)
{
	return c->before_frame && c->preempt_known && (c->preempt_count & LA_PREEMPT_HARDIRQ) ?
		       (size_t)(c->before_frame - c->stack.frame) :
		       0;
}

size_t la_graph_cpu(struct la_graph *g, const struct la_cpu *c)
{
	struct la_wait_node *node;

	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].cpu == (int)c->cpu)
			return i;
	node = add_node(g, (int)c->cpu);
	if (!node)
		return LA_NO_NODE;
	node->task = c->task;
	node->stack = &c->stack;
	node->state = 'R';
	find_function(node, frame_of(c));
	return g->n - 1;
}

size_t la_graph_task(struct la_graph *g, uint64_t task)
{
	const struct la_cpu *c = g->cpus ? la_cpus_running(g->cpus, task) : NULL;
	struct la_wait_node *node;
	struct la_regs regs;

	if (c && c->matched)
		return la_graph_cpu(g, c);
	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].task.address == task)
			return i;
	node = add_node(g, -1);
	if (!node)
		return LA_NO_NODE;
	la_task_read(g->k, task, &node->task);
	node->state = state_of(g->k, task);
	if (node->state == 'R' && !c)
		node->ready_on = la_task_cpu(g->k, &node->task);
	if (la_task_regs(g->k, task, &regs, NULL) == LA_OK && node->state != 'X') {
		struct la_stack *stack = la_alloc(g->arena, sizeof(*stack));

		if (stack)
			la_unwind(g->k, g->arena, &regs, -1, stack);
		node->stack = stack;
	}
	find_function(node, 0);
	return g->n - 1;
}

/* --- things --- */

static size_t thing_of(struct la_graph *g, const struct la_wait *w)
{
	const struct la_door *door = g->k->door;
	struct la_symbol symbol;
	struct la_thing *thing;

	/* What has no address may be another one each time. */
	for (size_t i = 0; w->address && i < g->nthings; i++)
		if (g->thing[i].kind == w->kind && g->thing[i].address == w->address &&
		    g->thing[i].bit == w->bit)
			return i;
	/* There are as many as nodes at most: each node waits for one. */
	thing = &g->thing[g->nthings++];
	*thing = (struct la_thing){ .kind = w->kind,
				    .address = w->address,
				    .bit = w->bit,
				    .what = w->what,
				    .io = w->io,
				    .holder = LA_NO_NODE };
	if (w->address && door->symbol_at(door->ctx, w->address, &symbol) && symbol.end &&
	    w->address < symbol.end) {
		thing->symbol = symbol.name;
		thing->offset = w->address - symbol.start;
		thing->module = symbol.module;
	}
	if (w->kind == LA_THING_SPINLOCK || w->kind == LA_THING_RWLOCK)
		la_lock_read(g, thing);
	return g->nthings - 1;
}

static void wait_for(struct la_graph *g, size_t node, const struct la_wait *w)
{
	if (node == LA_NO_NODE || g->node[node].on != LA_NO_NODE)
		return;
	g->node[node].on = thing_of(g, w);
	g->node[node].write = w->write;
	find_function(&g->node[node], w->frame);
}

static void add_provider(struct la_graph *g, size_t node, uint64_t task)
{
	struct la_thing *thing = &g->thing[g->node[node].on];

	if (!task || thing->holder != LA_NO_NODE)
		return;
	thing->holder = la_graph_task(g, task);
	thing->how = thing->holder == LA_NO_NODE ? LA_HOW_UNKNOWN : LA_HOW_ROLE;
}

/* --- who waits --- */

static void add_answer(struct la_graph *g, const struct la_cpu *c)
{
	const struct la_cpu *to = la_cpus_find(g->cpus, (unsigned)c->waits_for);
	struct la_wait w = { .kind = LA_THING_ANSWER, .bit = -1 };
	const size_t node = la_graph_cpu(g, c);

	wait_for(g, node, &w);
	if (node == LA_NO_NODE || !to || g->node[node].on == LA_NO_NODE)
		return;
	g->thing[g->node[node].on].holder = la_graph_cpu(g, to);
	if (g->thing[g->node[node].on].holder != LA_NO_NODE)
		g->thing[g->node[node].on].how = LA_HOW_ROLE;
}

static void add_cpus(struct la_graph *g)
{
	for (size_t i = 0; g->cpus && i < g->cpus->n; i++) {
		const struct la_cpu *c = &g->cpus->cpu[i];
		const size_t at = la_wait_frame(c, LA_CPU_SPINNING);
		struct la_wait w;

		if (!c->matched)
			continue;
		if (at != SIZE_MAX && la_spin_find(g->k, c, at, &w))
			wait_for(g, la_graph_cpu(g, c), &w);
		else if (c->waits_for >= 0)
			add_answer(g, c);
	}
}

/* Whoever stands in a lock's queue waits for it, wherever its registers seem to be. */
static void add_queued(struct la_graph *g)
{
	for (size_t t = 0; t < g->nthings; t++)
		for (size_t i = 0; i < g->thing[t].nqueue; i++) {
			const struct la_cpu *c = la_cpus_find(g->cpus, g->thing[t].queue[i].cpu);
			size_t node = c && c->matched ? la_graph_cpu(g, c) : LA_NO_NODE;

			if (node != LA_NO_NODE &&
			    (g->node[node].on == LA_NO_NODE ||
			     (g->thing[g->node[node].on].kind == LA_THING_SPINLOCK &&
			      !g->thing[g->node[node].on].address)))
				g->node[node].on = t;
		}
}

/* Does it wake by itself, when some time is over (kernel/time/{sleep_timeout,timer,hrtimer}.c)? */
static bool is_timed(const struct la_stack *stack)
{
	static const char *const begins[] = { "schedule_timeout", "schedule_hrtimeout", "msleep",
					      "usleep_range", "io_schedule_timeout" };

	for (size_t i = 0; stack && i < stack->n && i < 6; i++)
		for (size_t n = 0; n < sizeof(begins) / sizeof(begins[0]); n++)
			if (stack->frame[i].symbol &&
			    !strncmp(stack->frame[i].symbol, begins[n], strlen(begins[n])))
				return true;
	return false;
}

/*
 * When a task went to sleep: when its run time was counted last (kernel/sched/fair.c, update_curr()). That is 0 if it was
 * moved to another CPU since, which happens to sleepers that are still on the run queue (6.12, commit
 * 152e11f6df29); then what it ran for since it came to its CPU last, behind that time.
 */
static bool slept_at(const struct la_graph *g, uint64_t task, uint64_t *ret)
{
	static const char type[] = "sched_entity";
	const struct la_door *door = g->k->door;
	uint64_t ran, before, arrival;
	struct la_member se, info;

	if (!door->member(door->ctx, "task_struct", "se", &se) ||
	    la_read_member(g->k, task + se.offset, type, "exec_start", ret, NULL) != LA_OK)
		return false;
	if (*ret)
		return *ret <= g->now;
	if (!door->member(door->ctx, "task_struct", "sched_info", &info) ||
	    la_read_member(g->k, task + info.offset, "sched_info", "last_arrival", &arrival,
			   NULL) != LA_OK ||
	    la_read_member(g->k, task + se.offset, type, "sum_exec_runtime", &ran, NULL) != LA_OK ||
	    la_read_member(g->k, task + se.offset, type, "prev_sum_exec_runtime", &before, NULL) !=
		    LA_OK ||
	    !arrival || arrival > g->now || ran < before || ran - before > g->now - arrival)
		return false;
	*ret = arrival + (ran - before);
	return true;
}

static void add_sleep(struct la_graph *g, size_t node)
{
	struct la_wait_node *n = &g->node[node];
	struct la_wait w;
	uint64_t at;

	n->queued = la_work_behind(g, &n->task);
	if (n->state != 'D' && n->state != 'S')
		return;
	if (g->now && slept_at(g, n->task.address, &at)) {
		n->since_known = true;
		n->since_ns = g->now - at;
	}
	n->timed = is_timed(n->stack);
	if (!la_sleep_find(g, n, &w))
		return;
	if (w.kind == LA_THING_UNKNOWN && !w.what) {
		find_function(n, w.frame); /* it sleeps there, nobody knows what for */
		return;
	}
	wait_for(g, node, &w);
	if (g->node[node].on != LA_NO_NODE)
		add_provider(g, node, w.provider);
}

static bool take_sleeper(void *ctx, uint64_t task)
{
	struct la_graph *g = ctx;

	g->tasks++;
	if (la_task_blocked(g->k, task) && !(g->cpus && la_cpus_running(g->cpus, task)))
		la_graph_task(g, task);
	return true;
}

/* --- the shape --- */

size_t la_waits_next(const struct la_waits *w, size_t i)
{
	return i < w->n && w->node[i].on != LA_NO_NODE ? w->thing[w->node[i].on].holder :
							 LA_NO_NODE;
}

size_t la_waits_head(const struct la_waits *w, size_t i)
{
	for (size_t steps = 0; steps < w->n && i < w->n; steps++) {
		const size_t next = la_waits_next(w, i);

		if (next == LA_NO_NODE || w->node[i].cycle)
			return i;
		i = next;
	}
	return i < w->n ? i : LA_NO_NODE;
}

size_t la_waits_cpu(const struct la_waits *w, unsigned cpu)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->node[i].cpu == (int)cpu)
			return i;
	return LA_NO_NODE;
}

/* Each node has one way out at most: follow it from each, and see whether it comes back to where one was. */
static void find_cycles(const struct la_graph *g, struct la_waits *w)
{
	for (size_t i = 0; i < g->n; i++) {
		size_t at = i, steps = 0;

		do
			at = la_waits_next(w, at);
		while (at != LA_NO_NODE && at != i && ++steps < g->n);
		if (at != i || g->node[i].cycle)
			continue;
		w->ncycles++;
		do {
			g->node[at].cycle = w->ncycles;
			at = la_waits_next(w, at);
		} while (at != i);
	}
}

static void count_behind(const struct la_graph *g, const struct la_waits *w)
{
	for (size_t i = 0; i < g->n; i++) {
		size_t at = i;

		for (size_t steps = 0; steps < g->n; steps++) {
			at = la_waits_next(w, at);
			if (at == LA_NO_NODE || at == i)
				break;
			g->node[at].behind++;
			if (g->node[at].cycle && !g->node[i].cycle)
				break; /* all of the cycle is behind one who waits for one of it */
		}
		if (g->node[i].on != LA_NO_NODE)
			g->thing[g->node[i].on].nwaiters++;
	}
}

void la_waits_find(const struct la_kernel *k, struct la_arena *arena, const struct la_cpus *cpus,
		   struct la_waits *ret)
{
	struct la_graph g = { .k = k, .arena = arena, .cpus = cpus, .work_steps = LA_WORK_STEPS };
	struct la_error err = { "" };

	*ret = (struct la_waits){ .remark = "out of memory" };
	g.node = la_alloc_n(arena, LA_MAX_WAITS, sizeof(*g.node));
	g.thing = la_alloc_n(arena, LA_MAX_WAITS, sizeof(*g.thing));
	if (!g.node || !g.thing)
		return;
	ret->remark = NULL;
	g.now = cpus ? la_cpus_now(k, cpus) : 0;
	add_cpus(&g);
	if (cpus)
		add_queued(&g);
	if (la_tasks_each(k, take_sleeper, &g, &err) != LA_OK)
		ret->remark = la_format(arena, "list of tasks: %s", err.text);
	/* Holders are nodes too, who may wait themselves: the lists grow while they are gone through. */
	for (size_t i = 0, thing = 0; i < g.n || thing < g.nthings;) {
		if (i < g.n)
			add_sleep(&g, i++);
		else
			la_graph_holder(&g, thing++);
	}
	la_graph_nearby(&g);
	for (size_t i = 0; i < g.nthings; i++)
		if (g.thing[i].address && !g.thing[i].symbol && !g.thing[i].what)
			g.thing[i].what = la_lock_name(&g, g.thing[i].kind, g.thing[i].address);
	ret->node = g.node;
	ret->n = g.n;
	ret->thing = g.thing;
	ret->nthings = g.nthings;
	ret->tasks = g.tasks;
	ret->left_out = g.left_out;
	find_cycles(&g, ret);
	count_behind(&g, ret);
}
