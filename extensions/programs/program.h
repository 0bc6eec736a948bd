/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every program of the core does at its start and at its end. */
#ifndef LAKVM_PROGRAM_H
#define LAKVM_PROGRAM_H

/**
 * First of all: no file that is opened later may become standard input, output or error. Where one of
 * these is closed, it reads as empty, and writing to it is an error as before.
 */
void program_start(const char *name);

/** "NAME: TEXT" on standard error, a line; names of files and the guest's text are made fit to print. */
void program_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Say @what; returns EXIT_FAILURE. */
int program_fail(const char *what);

/** Exit status of a wrong use; 0: answered, 1: not, with a reason on standard error. */
#define PROGRAM_USAGE 2

/** lakvm's version, "0.1.0". */
extern const char program_lakvm[];

/** Print "NAME (lakvm) VERSION"; the program's exit status. */
int program_version(void);

/**
 * Last of all: has everything arrived that was written to standard output? Returns @status, or
 * EXIT_FAILURE after saying why it has not.
 */
int program_end(int status);

#endif
