/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Forced into every core file by the build (-include): the core neither prints, nor exits, nor
 * uses setjmp or longjmp, nor allocates outside an arena. The files that wrap an allocator on purpose
 * are named in the Makefile (MALLOC_OK), which defines LA_ALLOW_MALLOC for them, and so is the one that libdw
 * has to be left from (JUMP_OK).
 */
#ifndef LAKVM_BANNED_H
#define LAKVM_BANNED_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LA_BANNED(name) the_core_must_not_use_##name

#undef printf
#define printf(...) LA_BANNED(printf)
#undef fprintf
#define fprintf(...) LA_BANNED(fprintf)
#undef vfprintf
#define vfprintf(...) LA_BANNED(vfprintf)
#undef puts
#define puts(...) LA_BANNED(puts)
#undef fputs
#define fputs(...) LA_BANNED(fputs)
#undef sprintf
#define sprintf(...) LA_BANNED(sprintf)
#undef strcpy
#define strcpy(...) LA_BANNED(strcpy)
#undef strcat
#define strcat(...) LA_BANNED(strcat)
#undef strtok
#define strtok(...) LA_BANNED(strtok)
#undef exit
#define exit(...) LA_BANNED(exit)
#undef abort
#define abort(...) LA_BANNED(abort)
#ifndef LA_ALLOW_JUMP
#undef setjmp
#define setjmp(...) LA_BANNED(setjmp)
#undef longjmp
#define longjmp(...) LA_BANNED(longjmp)
#endif
#ifndef LA_ALLOW_MALLOC
#undef malloc
#define malloc(...) LA_BANNED(malloc)
#undef calloc
#define calloc(...) LA_BANNED(calloc)
#undef realloc
#define realloc(...) LA_BANNED(realloc)
#endif

#endif
