/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stacks of the guest's kernel. Every frame says how it was found; a stack
 * keeps the reason why it ends.
 *
 * "Verified" is a promise. Frame 0 is verified if its pc was given, or if
 * la_unwind_cpu refuted every function but one: no other agrees with the
 * registers and has a stack above it that proves itself. (One exception: if
 * the CPU waits there, a few straight instructions elsewhere are not held
 * against it: 4 if it waits for time, 16 if it polls memory that still tells it
 * to, 64 if it idles or jumps to itself.) No frame is verified on a stack other
 * than its task's, where that is known, or its CPU's IRQ stack. Any other frame is verified if the
 * frame below it is, and
 *  - the frame below was left by the compiler's own description (CFI or ORC), or
 *    by its instructions where all ways through the function were followed and
 *    agree: the return address was then not searched for but taken from the one
 *    place where it must be (that it fits is not enough: an earlier call can have
 *    left the same one elsewhere); and it follows a call (bl, or jirl to an address that the
 *    instructions before it load) whose target is the function of the frame
 *    below, or a function that leads to it by up to five jumps, runs on into
 *    it, or has it as its moved part (".cold"); or a call through a register, or
 *    of a function that jumps through one;
 *  - or it was saved by an exception entry: the pt_regs lies where the entry
 *    code puts it (the saved sp is the address just above it, or it comes from
 *    user mode and lies at the top of the task's stack).
 * The outermost function must also be found where every stack begins.
 * Without a pc to start from, nothing is verified unless the walk also reaches
 * a known end; and where frame 0 can be the callee or its caller, but nothing
 * else, frame 0 is the likelier one and not verified, nor is the caller (its
 * place in the function is not certain), while all frames above are.
 */
#ifndef LAKVM_UNWIND_H
#define LAKVM_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/isa/regs.h"
#include "lakvm/base/status.h"

enum la_method {
	LA_FROM_REGS,       /* frame 0: pc was in the register set */
	LA_FROM_POSITION,   /* frame 0: function (rarely also pc) found by la_unwind_cpu */
	LA_FROM_CFI,        /* call-frame information of vmlinux */
	LA_FROM_ORC,        /* the kernel's own ORC tables */
	LA_FROM_PROLOGUE,   /* the function's own instructions */
	LA_FROM_EXCEPTION,  /* saved by an exception entry, or by ftrace's: pc is exact */
	LA_FROM_IRQ_SWITCH, /* saved where the IRQ stack was entered: pc is exact */
	LA_FROM_SCAN,       /* a stack word that looks like a return address */
};
/** Its name in texts and JSON, "cfi"; "?": there is none. */
const char *la_method_name(enum la_method method);

/** Why a stack ends. */
enum la_stop {
	LA_STOP_END,        /* an outermost function, or one that only start-up code calls */
	LA_STOP_USER,       /* the exception came from user mode */
	LA_STOP_NO_REGS,    /* nothing to start from, or no stack pointer */
	LA_STOP_BAD_PC,     /* the next pc is no kernel text */
	LA_STOP_BAD_SP,     /* the next frame does not lie higher on the same stack */
	LA_STOP_UNREADABLE, /* stack memory is not in the dump */
	LA_STOP_NO_RULE,    /* no method knows how to leave this function */
	LA_STOP_LIMIT,      /* more frames than any sound stack has */
	LA_STOP_NOMEM,      /* out of memory: no frame is shown */
};
/** Its name in texts and JSON, "bad-pc"; "?": there is none. */
const char *la_stop_name(enum la_stop stop);

struct la_lines_at; /* lines.h */

/** What saved the registers that a frame holds. */
enum la_entry {
	LA_ENTRY_NONE, /* it holds none */
	LA_ENTRY_INTERRUPT,
	LA_ENTRY_SYSCALL,
	LA_ENTRY_EXCEPTION, /* any other */
};

/** The per-CPU base, fp and s0 to s8, r21 to r31: what a function gives back as it found it. */
#define LA_NKEPT 11

struct la_frame {
	uint64_t pc; /* frame 0: the next instruction; else the return address */
	bool pc_known; /* false only in frame 0: the function is known, the place in it is not (pc 0) */
	/* The instruction that the frame is at: pc, or the call before it; of a copied vector, the
	 * original. 0: pc is not known. */
	uint64_t code;
	const struct la_lines_at
		*lines;     /* where that is in the source; NULL: see la_lines_stack() */
	uint64_t sp;        /* stack pointer while in this frame */
	uint64_t cfa;       /* stack pointer of its caller; 0 = unknown */
	bool by_fp;         /* cfa was taken from a frame pointer: it does not confirm sp */
	const char *symbol; /* NULL = unknown */
	uint64_t start;     /* address of the symbol */
	uint64_t offset;    /* of pc in it; for a pc in a copied vector, in the original */
	const char *module; /* NULL: the kernel itself */
	enum la_method method;
	bool pc_exact; /* pc is an instruction that was about to run, not a return address */
	bool verified;
	uint64_t pt_regs;    /* address of a saved pt_regs that this frame holds, 0 = none */
	enum la_entry entry; /* of pt_regs */
	/* r21 to r31, which calls keep, as this frame has them; bit n of kept_known: kept[n]. */
	uint64_t kept[LA_NKEPT];
	unsigned kept_known;
};

struct la_stack {
	struct la_frame *frame;
	size_t n;
	enum la_stop stop;
	uint64_t tp;      /* of its task, in the kernel: the thread_info; 0 = unknown */
	bool verified;    /* all frames are, and it ends at LA_STOP_END or LA_STOP_USER */
	char reason[160]; /* for a person: why it ends there */
};

#define LA_MAX_FRAMES 256

/**
 * Walk a stack whose first pc and sp are known (a text's or a saved pt_regs' registers, or a sleeping
 * task's, whose pc is a return address). @cpu is the CPU whose IRQ stack may be involved, -1 = none. In
 * user mode there is one frame, with no symbol. @ret is always usable; frames belong to @arena.
 */
void la_unwind(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *start,
	       int cpu, struct la_stack *ret);

/**
 * The same for a CPU whose pc is not known (QEMU's notes). ra names the last call that was made;
 * the CPU is in the function called or in the one that called it. Of those places for which the
 * stack above proves itself and whose code agrees with the registers, the likeliest is taken.
 * Where there is none, or no ra, the best unverified chain is returned; without sp no frame. A CPU in
 * user mode has no frames, one that is just on its way in or out only that of the entry code. Where pc is
 * known after all, this is la_unwind().
 */
void la_unwind_cpu(const struct la_kernel *k, struct la_arena *arena, const struct la_regs *regs,
		   int cpu, struct la_stack *ret);

/**
 * Read a struct pt_regs at @va, in the layout that this kernel's DWARF gives (4.19 has another
 * order), mainline's where there is none; the general registers always come first. See la_regs_from_pt_regs()
 * for what is known in @ret. Fails as la_read() does.
 */
enum la_status la_pt_regs_read(const struct la_kernel *k, uint64_t va, struct la_regs *ret,
			       struct la_error *err);

/**
 * Is @pc an instruction's address in the kernel's text, also its init text, a module, or a copied
 * exception vector?
 */
bool la_is_text(const struct la_kernel *k, uint64_t pc);

/**
 * Registers of a task that is not running, from task_struct.thread (asm/processor.h): ra, sp, fp, s0-s8; tp is its own, and
 * pc is ra. LA_ABSENT: the kernel's DWARF has no such members. Else it fails as la_read() does.
 */
enum la_status la_task_regs(const struct la_kernel *k, uint64_t task, struct la_regs *ret,
			    struct la_error *err);

/**
 * Find out which handlers the exception vectors are copies of: by what the handlers are named, or, where a
 * vendor gave them other names, by comparing the copies with the kernel's text. Once, after la_kernel_init()
 * and before stacks are walked; what it keeps belongs to @arena. Not called, or out of
 * memory: only the names count.
 */
void la_vectors_open(struct la_kernel *k, struct la_arena *arena);

/**
 * Exception entry code is copied to vectors (exception_handlers, pcpu_handlers[cpu]) at boot
 * (arch/loongarch/kernel/traps.c). For an address inside such a copy (that of a TLB refill may be
 * physical), the one in the handler it was copied from; other addresses, and where the handler is not
 * known, come back unchanged.
 */
uint64_t la_vector_origin(const struct la_kernel *k, uint64_t pc);

/**
 * What general register @reg had in frame @i of @stack when the instruction at @code, one of its function no further
 * than where the frame is now, was about to run: followed back through the code as it lies in memory, to registers
 * that calls keep, constants and memory, or from a function's beginning into the frame that called it. So the
 * arguments of a call that has not returned are found: @code is then the frame's. Likely, not certain: memory may
 * have changed, and a branch may have led past an instruction that counts here. False: not known.
 */
bool la_frame_register(const struct la_kernel *k, const struct la_stack *stack, size_t i,
		       uint64_t code, unsigned reg, uint64_t *ret);

/**
 * Where the call at @code in frame @i goes: a function's first instruction, behind a module's jump stub if there
 * is one. False: there is no call, or it goes where the code does not show.
 */
bool la_frame_call(const struct la_kernel *k, const struct la_stack *stack, size_t i, uint64_t code,
		   struct la_symbol *ret);

#endif
