// SPDX-License-Identifier: GPL-3.0-or-later
// Return addresses that a tracer has replaced by its own code's, to come by when the function returns.
//
// A kretprobe puts arch_rethook_trampoline there (arch/loongarch/kernel/rethook.c, 6.3 to 7.2) and keeps the
// true one in a struct rethook_node; task_struct.rethooks lists the task's, the innermost first
// (kernel/trace/rethook.c). rethook_node.frame, by which other machines tell them apart, is 0 here. The function
// graph tracer puts return_to_handler there; see graph.c. One can have replaced what the other one had put there.
#include "steps.h"

#include <string.h>

#include "flow.h"

static const char trampoline[] = "arch_rethook_trampoline";
static const char graph_return[] = "return_to_handler";

/* A task is in few hooked functions at once; of several hooks of one function all but one keep the trampoline. */
#define MAX_NODES 256

bool la_walk_task(const struct la_walk *w, uint64_t *ret)
{
	*ret = w->thread_info;
	return *ret && (w->k->thread_info_in_task ||
			la_read_member(w->k, *ret, "thread_info", "task", ret, NULL) == LA_OK);
}

static bool first_link(const struct la_walk *w, uint64_t *ret)
{
	uint64_t task;

	return la_walk_task(w, &task) &&
	       la_read_member(w->k, task, "task_struct", "rethooks", ret, NULL) == LA_OK;
}

static bool next_node(const struct la_walk *w, struct la_hooks *h)
{
	const struct la_door *door = w->k->door;
	struct la_member llist;
	uint64_t link;

	if (h->nodes == MAX_NODES || !door->member(door->ctx, "rethook_node", "llist", &llist) ||
	    !(h->nodes ? la_read_u64(w->k, h->node + llist.offset, &link, NULL) == LA_OK :
			 first_link(w, &link)) ||
	    !link)
		return false;
	h->node = link - llist.offset;
	h->nodes++;
	return true;
}

static bool is_start_of(const struct la_walk *w, const char *name, uint64_t pc)
{
	uint64_t start;

	return w->k->door->symbol(w->k->door->ctx, name, &start) && pc == start;
}

const char *la_hooks_resolve(const struct la_walk *w, struct la_hooks *h, uint64_t cfa,
			     struct la_unwind_frame *at)
{
	uint64_t ra = at->regs.pc;

	if (at->exact)
		return NULL;
	for (;;) {
		if (is_start_of(w, graph_return, ra)) {
			if (!la_graph_return(w, h, cfa, &ra))
				return "the function graph tracer has its return address (return_to_handler)";
		} else if (is_start_of(w, trampoline, ra)) {
			if (!next_node(w, h) || la_read_member(w->k, h->node, "rethook_node",
							       "ret_addr", &ra, NULL) != LA_OK)
				return "a kretprobe has its return address (arch_rethook_trampoline)";
		} else {
			break;
		}
	}
	if (ra != at->regs.pc) {
		at->regs.pc = ra;
		la_gpr_set(&at->regs, LA_R_RA, ra);
	}
	return NULL;
}

/*
 * While a tracer's handler runs, the code that called it has room for a pt_regs on the stack, of which its description
 * does not tell. It goes on to where the innermost hooked function would have returned.
 */
enum la_step_result la_step_hooked(const struct la_walk *w, const struct la_unwind_frame *at,
				   struct la_step *ret)
{
	struct la_cfi_row row;
	uint64_t sp;
	bool whole;

	if (!at->symbol.name ||
	    (strcmp(at->symbol.name, trampoline) != 0 &&
	     strcmp(at->symbol.name, graph_return) != 0) ||
	    !la_gpr_get(&at->regs, LA_R_SP, &sp) ||
	    !la_flow_row(w->k, &at->symbol, at->code, &row, &whole) || row.cfa_reg != LA_R_SP)
		return LA_STEP_NOT_MINE;
	ret->cfa = sp + (uint64_t)(int64_t)row.cfa_offset;
	la_at_return(at, at->symbol.start, ret->cfa, LA_FROM_PROLOGUE, &ret->caller);
	return LA_STEP_DONE;
}
