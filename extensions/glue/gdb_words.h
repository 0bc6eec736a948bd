/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of gdb's commands look at frames. Without crash, so that it is tested without. */
#ifndef LAKVM_GLUE_GDB_WORDS_H
#define LAKVM_GLUE_GDB_WORDS_H

#include <stdbool.h>

/** Does gdb make a frame of the current thread for this command? @word: its @n words. */
bool gdb_makes_frame(char *const *word, int n);

/** Does this command take, or go to, another of gdb's threads? */
bool gdb_takes_thread(char *const *word, int n);

#endif
