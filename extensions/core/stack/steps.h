/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the unwinder: where a walk stands, and the methods that take it one frame up.
 * A new method is one more file with a la_step_fn and one more line in unwind.c's table.
 */
#ifndef LAKVM_STEPS_H
#define LAKVM_STEPS_H

#include "cfi.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/guest/task.h"

/** What stays the same during a walk. */
struct la_walk {
	const struct la_kernel *k;
	struct la_stack_area irq; /* base 0: none known */
	uint64_t thread_info;     /* tp, 0 = unknown */
	uint64_t task_stack;      /* lowest address of the current task's stack, 0 = unknown */
};

/** The IRQ stack starts below this word, which holds the address of the interrupted context's pt_regs. */
#define LA_IRQ_STACK_START 16 /* bytes below the top (asm/irq.h: IRQ_STACK_START) */

/** A frame: its registers, as far as they are known, while it runs or waits for its callee. */
struct la_unwind_frame {
	struct la_regs regs;
	bool exact;            /* pc is about to run; else it is a return address */
	enum la_method method; /* that found it */
	uint64_t code;         /* address of the instruction in question: pc, or the call before it;
				  * a copied vector's is folded back */
	struct la_symbol symbol; /* of code; name NULL: no kernel text */
};

enum la_step_result {
	LA_STEP_DONE,     /* ret->caller is the next frame */
	LA_STEP_NOT_MINE, /* the method has nothing to say here: try the next one */
	LA_STEP_STOP,     /* the stack ends here, because of ret->stop */
};

struct la_step {
	struct la_unwind_frame caller; /* only regs, exact, method: la_at_resolve() does the rest */
	uint64_t cfa;                  /* stack pointer of the caller */
	bool by_fp;                    /* which was taken from another register than sp */
	uint64_t pt_regs;              /* that the frame holds, 0 = none */
	enum la_entry entry;           /* of those */
	bool sound; /* an exception's pt_regs lies where the entry code puts it, or
			      * all of the function's code agrees where its return address is */
	enum la_stop stop;
	const char *why;     /* for LA_STEP_STOP; for LA_STEP_NOT_MINE what prevented it, or NULL */
	enum la_status read; /* for LA_STOP_UNREADABLE: how reading failed */
};

typedef enum la_step_result (*la_step_fn)(const struct la_walk *w, const struct la_unwind_frame *at,
					  struct la_step *ret);

enum la_step_result la_step_exception(const struct la_walk *w, const struct la_unwind_frame *at,
				      struct la_step *ret);
enum la_step_result la_step_cfi(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret);
enum la_step_result la_step_orc(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret);
enum la_step_result la_step_prologue(const struct la_walk *w, const struct la_unwind_frame *at,
				     struct la_step *ret);
enum la_step_result la_step_hooked(const struct la_walk *w, const struct la_unwind_frame *at,
				   struct la_step *ret);
enum la_step_result la_step_bpf(const struct la_walk *w, const struct la_unwind_frame *at,
				struct la_step *ret);
enum la_step_result la_step_ftrace(const struct la_walk *w, const struct la_unwind_frame *at,
				   struct la_step *ret);

/** How far a walk has come through the return addresses of its task that tracers have replaced. Zeroed at first. */
struct la_hooks {
	uint64_t node; /* the rethook_node that was used last */
	unsigned nodes;
	uint64_t ret_stack; /* the function graph tracer's records, 0 = not looked for yet */
	uint32_t before;    /* those before this index were not used yet */
	unsigned records;   /* that were looked at */
	bool in_words;      /* ret_stack is of words, not of records */
};

/**
 * Where @at stands at a return address that a tracer has put there, let it stand at the true one. @cfa is its
 * stack pointer. NULL: it does; else who has that.
 */
const char *la_hooks_resolve(const struct la_walk *w, struct la_hooks *h, uint64_t cfa,
			     struct la_unwind_frame *at);

/**
 * Where, by the function graph tracer's records, the call returns to behind which the stack pointer is @cfa. False:
 * none of those that were not used yet is of such a call.
 */
bool la_graph_return(const struct la_walk *w, struct la_hooks *h, uint64_t cfa, uint64_t *ret);

/** The task_struct of the task whose stack it is. */
bool la_walk_task(const struct la_walk *w, uint64_t *ret);

/** Does code go on at @pc behind "move t0, ra" and a call, by which a function that is traced begins? */
bool la_is_traced_call(const struct la_kernel *k, uint64_t pc);

/**
 * Is the call before @pc one of ftrace's own code? That goes on to a trampoline out of the call's reach: 128 MiB,
 * which BPF's are further than from the kernel (arch/loongarch/kernel/ftrace_dyn.c, 7.2: ftrace_find_callable_addr()).
 */
bool la_is_ftrace_call(const struct la_kernel *k, uint64_t pc);

/** Leave a frame as @row describes it; not, if what that needs is not known. */
enum la_step_result la_step_by_row(const struct la_walk *w, const struct la_unwind_frame *at,
				   const struct la_cfi_row *row, enum la_method method,
				   struct la_step *ret);

/** Is @at where a stack begins: in code that nothing called? By the code's name, or by what it is. */
bool la_is_stack_end(const struct la_walk *w, const struct la_unwind_frame *at);

/** Is @sp where a task's stack begins: below room for the pt_regs of its entry from user mode? */
bool la_is_stack_bottom(uint64_t sp);

/**
 * The entry code that has @saved these registers, where the last exception came from @era; a system call's saved pc may
 * be that of the next instruction already. False: they are not of that exception or do not say its kind, or no
 * symbol names the code.
 */
bool la_exception_entry(const struct la_kernel *k, const struct la_regs *saved, uint64_t era,
			struct la_symbol *ret);

/** Find code and symbol of @at from its pc. False: not kernel text. */
bool la_at_resolve(const struct la_walk *w, struct la_unwind_frame *at);

/**
 * The caller of @at, to which it returns at @ra with stack pointer @cfa: known are those and what
 * calls keep.
 */
void la_at_return(const struct la_unwind_frame *at, uint64_t ra, uint64_t cfa,
		  enum la_method method, struct la_unwind_frame *ret);

/** How the call before a return address names its callee. */
enum la_link {
	LA_LINK_NONE,     /* no call there, or of another function */
	LA_LINK_INDIRECT, /* a call through a register, perhaps by way of an indirect tail call */
	LA_LINK_DIRECT,   /* its target is the callee, or leads to it by jumps */
};

/** Judge the call before return address @ra against the callee's symbol. */
enum la_link la_call_reaches(const struct la_kernel *k, uint64_t ra,
			     const struct la_symbol *callee);

/**
 * Function that the call before @ra goes to. False: no call, through an unknown register, or not readable.
 * @sure_ret: it can go nowhere else.
 */
bool la_link_target(const struct la_kernel *k, uint64_t ra, uint64_t *ret, bool *sure_ret);

/**
 * The function that the call of frame 0 goes to, as la_frame_call(). False: @missing_ret is the register, of those that
 * calls keep, whose value in that frame would tell; 0: that alone would not.
 */
bool la_frame_callee(const struct la_kernel *k, const struct la_stack *stack, struct la_symbol *ret,
		     unsigned *missing_ret);

/** A walk's frames before they are put into the arena. */
struct la_frames {
	struct la_frame frame[LA_MAX_FRAMES];
	size_t n;
	enum la_stop stop;
	bool verified;
	size_t nlinked; /* of its first frames: each one's function is called where the next one is, or
			 * may be; likely, while "verified" is a promise */
	bool linked;    /* all are, and it ends at LA_STOP_END or LA_STOP_USER */
	char reason[160];
};

/** @regs' tp says which task's stack it is; @cpu as la_unwind()'s. */
void la_walk_init(struct la_walk *w, const struct la_kernel *k, const struct la_regs *regs,
		  int cpu);
/** Walk from @start, whose code and symbol are resolved. @verified: it is a verified frame. */
void la_walk_run(const struct la_walk *w, const struct la_unwind_frame *start, bool verified,
		 struct la_frames *ret);
/** Fill in the code addresses of @n frames. */
void la_frames_place(const struct la_kernel *k, struct la_frame *frame, size_t n);
/** Copy into the arena, with the frames' code addresses; LA_STOP_NOMEM and no frame if it has no room. */
void la_frames_keep(const struct la_walk *w, struct la_arena *arena, const struct la_frames *frames,
		    struct la_stack *ret);

#endif
