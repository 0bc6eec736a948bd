/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The crash side of lakvm. What a file keeps from one call to the next is in one static object of its
 * own, named "here", and follows the rule of lakvm/base/jump.h; what was changed of crash is in the list
 * of repairs. Unloading undoes the repairs and calls each file's _close().
 */
#ifndef LAKVM_GLUE_H
#define LAKVM_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/door/door.h"
#include "lakvm/door/modules.h"
#include "lakvm/guest/kernel.h"
#include "lakvm/guest/sections.h"
#include "lakvm/host/host.h"
#include "lakvm/regs/text.h"
#include "lakvm/base/status.h"

/* --- abi.c: does the running crash fit the header that lakvm was built with? --- */

/**
 * Compare crash's version and the sizes of its tables with the header's, without touching any of them.
 * False: @ret says what does not fit, in one line.
 */
bool abi_fits(char *ret, size_t size);

/* --- guard.c: crash's errors leave by longjmp --- */

/** Run @fn(@arg) behind a recovery point; false if it was left by error(FATAL) or the like. */
bool guard_run(void (*fn)(void *), void *arg);

/** Go on leaving, to where crash would have gone: for who had to put something in order first. */
void guard_leave(void) __attribute__((noreturn));

/* --- repairs.c: every change of crash's state, each undoable --- */

/**
 * Overwrite @size bytes (at most 8) of crash's state at @place with those at @value and remember
 * what was there. @what names it in crash's debug output (-d1). A full
 * list is said, and @place left as it is.
 */
void repair(const char *what, void *place, const void *value, size_t size);

/** Overwrite an lvalue of crash with a value of the same type. */
#define REPAIR(what, lvalue, value)                                                                \
	({                                                                                         \
		__typeof__(lvalue) repair_value_ = (value);                                        \
		_Static_assert(sizeof(lvalue) <= 8, "a repair has at most 8 bytes");               \
		repair(what, &(lvalue), &repair_value_, sizeof(lvalue));                           \
	})

/** Clear and set bits of a word of flags whose other bits crash goes on changing. */
void repair_bits(const char *what, unsigned long long *flags, unsigned long long clear,
		 unsigned long long set);

/** Put back everything, newest first. A place that someone else changed since is left alone. */
void repairs_undo(void);

/* --- reader.c: physical memory of the dump --- */

struct la_dump;

/** Open the session's dump file; false: neither lakvm nor crash reads it, see @err. */
bool reader_open(struct la_error *err);
void reader_close(void);
void reader_install(void);
enum la_status reader_read(uint64_t pa, void *ret, size_t len);

/** Why reading a byte at @pa fails, in words; LA_OK, and nothing to say, if it does not. */
enum la_status reader_explain(uint64_t pa, char *ret, size_t size);

/** The files of a split dump that crash's command line names; NULL where there is none or no more. */
#define READER_PARTS 64
void reader_parts(const char *ret[READER_PARTS]);

/** The dump in lakvm's own reader, NULL where crash's reader serves. */
struct la_dump *reader_dump(void);

/* --- overlay.c: what crash reads in place of the dump --- */

/**
 * Show crash @size bytes at @pa, while it starts or as long as lakvm is loaded. They are zero; the
 * caller fills them in. NULL: out of memory.
 */
unsigned char *overlay_add(uint64_t pa, size_t size, bool at_start);
/** While crash starts: lay these bytes over what it reads at @pa. False: out of memory. */
bool overlay_patch(uint64_t pa, const void *bytes, size_t size);
/** Lay the patches over what was read. */
void overlay_lay(uint64_t pa, void *bytes, size_t len);
/** Answer a read. False: the dump is to be asked. */
bool overlay_read(uint64_t pa, void *ret, size_t len);
void overlay_drop_startup(void); /* crash has started */
void overlay_close(void);

/* --- claims.c, claims_modules.c: what the guest holds, looked at before crash believes it --- */

/*
 * Each lays something sound over what crash would be led astray by, says so, and is for the step of its start
 * that it is named after. May leave by longjmp.
 */
void claims_notes(void);
void claims_modules(void);
void claims_tasks(void);
/** Behind task_init(): CPU numbers that commands would index arrays with. */
void claims_settle_tasks(void);

/* --- net.c: crash touches memory that it does not have --- */
void net_spread(void);
void net_mend(void); /* crash takes it away, see there */
void net_close(void);

/* --- door.c: the core's door over crash --- */

/** The door; valid until door_close(). NULL with @err if vmlinux cannot be read. */
const struct la_door *door_open(struct la_error *err);
void door_close(void);
/** Modules whose symbols the door knows besides crash's, until it is closed; they must live as long. */
void door_set_modules(const struct la_modules *modules);

/* --- session.c: the guest's kernel as the core sees it --- */

/** The kernel, or NULL with the reason in @err. Opened at the first call. */
struct la_kernel *session_kernel(struct la_error *err);

/** Its memory sections, or NULL with the reason in @err. Found out at the first call. */
const struct la_sections *session_sections(struct la_error *err);

/** The same as far as they are known: their size is, also where no table of them is. NULL: no kernel. */
const struct la_sections *session_sections_known(void);

/** Open the source positions of vmlinux once; otherwise as la_lines_open (lakvm/stack/lines.h). */
enum la_status session_lines(struct la_error *err);

/** What the vCPUs were doing; analysed at the first call, kept until the session closes. */
const struct la_cpus *session_cpus(struct la_error *err);
/** Saved registers of the CPU that runs @task; NULL: none does, or nobody saved them. */
const struct la_regs *session_registers(uint64_t task);
/** Paths of what is read of the folder that LAKVM_HOST names, or NULL. */
void session_host_texts(const char *ret[LA_HOST_TEXTS]);
void session_close(void);

/** Does the kernel of this vmlinux run in the dump where crash takes it to be? False: @ret says what differs. */
bool session_matches_vmlinux(char *ret, size_t size);

/** Do vmlinux and dump not belong together? Known once it was asked whether they do. */
bool session_misfits(void);

/** Say what other kernels of this vmlinux are in memory, and how they ended. */
void session_say_others(void);

/* --- misfit.c: a session in which vmlinux and dump do not belong together --- */

struct la_panic;
/**
 * What ladump -p would say, with the registers of @text; in @arena, and valid until misfit_close(). Only where
 * reader_dump() is not NULL. False: @err says why.
 */
bool misfit_panic(struct la_arena *arena, const struct la_regs_text *text, struct la_panic *ret,
		  struct la_error *err);
void misfit_close(void);

/* --- translate.c: kvtop, uvtop, translate_pte --- */

struct task_context;
/** The page tables of a task's user space; @tc NULL: there are none. */
void translate_user_tables(const struct la_kernel *kernel, const struct task_context *tc,
			   struct la_user_tables *ret);
void translate_install(void);

/* --- backtrace.c: bt for every task --- */
void backtrace_install(void);

/* --- gdb_regs.c: registers of the task that is set, for gdb --- */
void gdb_registers_install(void);
/** Have gdb ask for them again: another task is set, or another source answers. */
void gdb_registers_ask_again(void);

/* --- ranges.c: where kernel addresses lie --- */
void ranges_install(void);
/** In a session that crash has started: correct what it took at its start. */
void ranges_adopt(void);
unsigned long ranges_vmalloc_start(void); /* 0 = unknown */
unsigned long ranges_modules_start(void); /* 0 = unknown */

/* --- log.c: the log where crash cannot read it --- */
void log_install(void);

/* --- kmem.c, numbers.c: commands of crash that print wrong numbers --- */
void kmem_install(void);
void numbers_install(void);

/* --- read_reason.c: why a command of crash could not read --- */

/** rd, struct and the like say, behind crash's own line, why. */
void read_reason_install(void);
/** The last thing that went wrong: a translation, or a read of a physical address. */
void read_reason_note(const char *reason);
void read_reason_note_physical(uint64_t pa, size_t len);
/** Was that a read of a physical address? */
bool read_reason_physical(uint64_t *ret_pa, size_t *ret_len);
void read_reason_forget(void); /* what failed did no harm: something was read since */

/* --- sections.c: memory sections for crash, where the guest's own table cannot be read --- */

/** Rebuild the table if it has to be; before vm_init() reads it. May leave by longjmp. */
void sections_prepare(void);
/** Are there sections whose struct pages cannot be found? */
bool sections_lost(void);

/* --- startup.c: what crash computes wrongly before and while it starts --- */

/** Install the repairs that do not depend on when lakvm was loaded. */
void startup_repair(void);

/** In a session that crash could start by itself: repair what still can be, name what cannot. */
void startup_adopt(void);

/** Turn a --minimal session into a full one. */
void startup_promote(void);

/* --- cmd_lapanic.c, cmd_lacpus.c, cmd_lamem.c; command.c is what they share --- */

/**
 * Memory for one command, also of the JSON it builds. What the command before left is freed first, so
 * that one which was left by longjmp costs nothing for long. NULL: out of memory, and said so.
 */
struct la_arena *command_memory(void);
void command_memory_free(void);

/** The same for one stack that bt shows: bt of many tasks would fill a command's. NULL: out of memory. */
struct la_arena *stack_memory(void);
void stack_memory_free(void);

/** Free the arena at @place and put a new one there; @limit 0: none. A longjmp loses neither. */
struct la_arena *arena_renew(struct la_arena **place, size_t limit);

void command_close(void);

/** The registers in a saved "info registers -a" text, in @arena. False, and said why: not usable. */
bool command_registers(struct la_arena *arena, const char *path, struct la_regs_text *ret);

/**
 * The vCPUs with the registers of a saved "info registers -a" text, in @arena. NULL, and said why,
 * when the file cannot be used.
 */
const struct la_cpus *command_cpus_with_text(struct la_kernel *kernel, struct la_arena *arena,
					     const char *path);

/** Put @hook in place of crash's own command; returns that. */
void (*command_replace(const char *name, void (*hook)(void)))(void);

/**
 * What one of crash's commands prints, to be freed; NULL: out of memory, and said so. *@ret_done
 * (NULL: never mind): it was not left by longjmp.
 */
char *command_capture(void (*command)(void), bool *ret_done);

struct la_sink;

/** Rendered text goes where crash's output goes. */
const struct la_sink *command_sink(void);
/** Columns of the terminal it goes to; 0: to none, or not known. */
unsigned command_columns(void);

void cmd_lapanic(void);
void cmd_lacpus(void);
void cmd_lamem(void);
extern char *help_lapanic[];
extern char *help_lacpus[];
extern char *help_lamem[];

#endif
