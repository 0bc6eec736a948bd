// SPDX-License-Identifier: GPL-3.0-or-later
// What the function graph tracer, and in 7.2 an fprobe, has written down of the calls whose return address it has replaced
// by return_to_handler. task_struct.ret_stack has a struct ftrace_ret_stack of each, the innermost last (kernel/trace/fgraph.c):
//
// - until 6.10 as an array, of which task_struct.curr_ret_stack is the last one's index, -1 if there is none;
// - since 6.11 among words, of which curr_ret_stack are in use; the last word of what belongs to a call has in
//   its lowest bits how many words before it the struct begins.
//
// ftrace_ret_stack.retp is where the tracer found the return address: in the pt_regs that ftrace lays right below the
// stack pointer that the function is entered with (arch/loongarch/kernel/ftrace_dyn.c, 6.2 to 7.2). So it tells whose record
// it is. Without dynamic ftrace it is 0 (ftrace.c), and nobody's.
#include "steps.h"

#define RA_IN_PT_REGS 8
#define MAX_INDEX 8192     /* words of a page of 64 KiB, which no kernel's has more than */
#define MAX_RECORDS 256    /* that are looked at for one stack: more calls than any has */
#define FRAME_OFFSET 0x3ff /* FGRAPH_FRAME_OFFSET_MASK */

static bool start(const struct la_walk *w, struct la_hooks *h)
{
	const struct la_door *door = w->k->door;
	uint64_t task, last, symbol;

	if (!la_walk_task(w, &task) ||
	    la_read_member(w->k, task, "task_struct", "ret_stack", &h->ret_stack, NULL) != LA_OK ||
	    la_read_member(w->k, task, "task_struct", "curr_ret_stack", &last, NULL) != LA_OK)
		return false;
	h->in_words = door->symbol(door->ctx, "fgraph_reserve_data", &symbol);
	h->before = (uint32_t)last + !h->in_words;
	return h->ret_stack && h->before <= MAX_INDEX;
}

/* The record before the one that was used last. */
static bool previous(const struct la_walk *w, struct la_hooks *h, uint64_t *ret)
{
	const struct la_door *door = w->k->door;
	uint64_t word;
	size_t unit = sizeof(word);

	if ((!h->ret_stack && !start(w, h)) || !h->before || h->records++ == MAX_RECORDS) {
		h->before = 0;
		return false;
	}
	h->before--;
	if (h->in_words) {
		if (la_read_u64(w->k, h->ret_stack + unit * h->before, &word, NULL) != LA_OK)
			return false;
		word &= FRAME_OFFSET;
		if (!word || word > h->before)
			return false;
		h->before -= (uint32_t)word;
	} else if (!door->type_size(door->ctx, "ftrace_ret_stack", &unit)) {
		return false;
	}
	*ret = h->ret_stack + unit * h->before;
	return true;
}

bool la_graph_return(const struct la_walk *w, struct la_hooks *h, uint64_t cfa, uint64_t *ret)
{
	const uint64_t place = cfa - LA_PT_REGS_SIZE + RA_IN_PT_REGS;
	uint64_t record, retp;

	while (previous(w, h, &record)) {
		if (la_read_member(w->k, record, "ftrace_ret_stack", "retp", &retp, NULL) != LA_OK)
			return false;
		if (retp == place)
			return la_read_member(w->k, record, "ftrace_ret_stack", "ret", ret, NULL) ==
			       LA_OK;
	}
	return false;
}
