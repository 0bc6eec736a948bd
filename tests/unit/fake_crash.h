/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As much of crash as some files of the glue need, so that they can be tested without it: included
 * before such a file it stands in for glue/crash.h. Words and meanings are those of crash's defs.h.
 */
#ifndef LAKVM_GLUE_CRASH_H
#define LAKVM_GLUE_CRASH_H

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef unsigned long long ulonglong;
typedef uint64_t physaddr_t;
typedef void (*cmd_func_t)(void);

#define TRUE 1
#define FALSE 0
#define BUFSIZE 1500
#define IN_FOREACH 1u
#define MINIMAL_MODE 2u
#define INVALID_OFFSET (-1)
#define MAX_MACHDEP_ARGS 5
enum { INFO, NOTE, WARNING, FATAL };

struct syment {
	unsigned long value;
	char *name;
};

struct load_module {
	char mod_name[64];
};

static struct {
	jmp_buf main_loop_env, foreach_loop_env;
	ulonglong flags;
	FILE *tmpfile, *tmpfile2;
	char *curcmd, *namelist, *dumpfile, *program_name;
	int dfd, mfd, sockfd;
	int (*readmem)(int, void *, int, unsigned long, physaddr_t);
} fake_pc, *pc __attribute__((unused)) = &fake_pc;
struct bt_info;
static struct {
	char *cmdline_args[MAX_MACHDEP_ARGS];
	void (*back_trace)(struct bt_info *);
	int (*eframe_search)(struct bt_info *);
	void (*get_stack_frame)(struct bt_info *, unsigned long *, unsigned long *);
} fake_machdep, *machdep __attribute__((unused)) = &fake_machdep;
static struct {
	unsigned long relocate;
	struct {
		long tv_sec;
	} boot_date;
} fake_kt, *kt __attribute__((unused)) = &fake_kt;
static FILE *fp __attribute__((unused));
static struct {
	long printk_info, printk_ringbuffer, prb_desc;
} fake_sizes __attribute__((unused));
#define ASSIGN_SIZE(X) (fake_sizes.X)

static inline void close_tmpfile(void)
{
	pc->tmpfile = NULL;
}

static inline void close_tmpfile2(void)
{
	pc->tmpfile2 = NULL;
}

static inline void hq_close(void)
{
}

static inline void error(int type, const char *text, ...)
{
	(void)type;
	(void)text;
}

#endif
