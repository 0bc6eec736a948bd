// SPDX-License-Identifier: GPL-3.0-or-later
// log. crash reads each of the ring's arrays at once, or not at all: one page that is not in the dump,
// and there is no log. Where that happens, or it knows no log of this kernel, ours follows.
#include "crash.h"
#include "glue.h"

#include "lakvm/guest/log.h"
#include "lakvm/render/render.h"

static struct {
	cmd_func_t crash_log;
} here;

/* A warning of crash's about the log (printk.c, kernel.c); *@at moves behind it. */
static bool skip_warning(const char **at)
{
	static const char *const unread[] = { "WARNING: cannot read printk_ringbuffer",
					      "WARNING: cannot read prb_",
					      "WARNING: cannot read log_buf" };

	for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
		if (!strncmp(*at, unread[i], strlen(unread[i]))) {
			*at += strcspn(*at, "\n");
			return true;
		}
	return false;
}

/* crash warns of what it cannot read and prints no line of the log. What a guest wrote does not count. */
static bool has_failed(const char *output)
{
	do
		output += strspn(output, " \n");
	while (skip_warning(&output));
	return !*output;
}

/* As dump_lockless_record_log() has it. */
static int caller_width(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	uint64_t most;

	if (!kernel || la_read_variable(kernel, "pid_max", 4, &most, NULL) != LA_OK)
		return 8;
	return most <= 99999 ? 6 : most <= 999999 ? 7 : 8;
}

/* The options that ours understands, as cmd_log() does. False: -a, -s or a mistake, for crash alone. */
static bool take_options(struct la_log_format *ret)
{
	int c;

	optind = 0;
	while ((c = getopt(argcnt, args, "TtdmascR")) != EOF) {
		if (c == 'T')
			ret->time = LA_LOG_CLOCK;
		else if (c == 't')
			ret->time = LA_LOG_NO_TIME;
		else if (c == 'd')
			ret->device = true;
		else if (c == 'm')
			ret->level = true;
		else if (c == 'c')
			ret->caller = caller_width();
		else if (c != 'R')
			return false;
	}
	/* Read by kernel_init(), which minimal mode leaves out. */
	if (ret->time == LA_LOG_CLOCK && pc->flags & MINIMAL_MODE)
		return false;
	ret->boot = (int64_t)kt->boot_date.tv_sec;
	return true;
}

static void show_ours(const struct la_log_format *format)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = kernel ? command_memory() : NULL;
	struct la_error err = { "" };
	struct la_log log;
	enum la_status status;

	if (!arena)
		return;
	status = la_log_read(kernel, arena, &log, &err);
	if (status != LA_OK)
		error(INFO, "lakvm: %s\n", err.text);
	if (!log.n)
		return;
	error(NOTE, "lakvm: %zu records that can be read follow; lost: %zu\n", log.n, log.lost);
	la_render_log_text(&log, format, command_sink());
}

/*
 * crash asks gdb for printk's structures once, and looks at the size of one of them to know whether it has. A
 * Ctrl-C, also one that came before gdb looked, ends one question, whose answer crash remembers as "none": it goes
 * on to "invalid structure size", then and ever after, whoever asked.
 */
static bool knows_structures(void)
{
	return ASSIGN_SIZE(printk_info) >= 0 && ASSIGN_SIZE(printk_ringbuffer) >= 0 &&
	       ASSIGN_SIZE(prb_desc) >= 0;
}

static char *run_crash_log(bool *ret_done)
{
	const bool known = knows_structures();
	char *output = command_capture(here.crash_log, ret_done);

	if (!output || *ret_done)
		return output;
	ASSIGN_SIZE(printk_info) = -1;
	if (known)
		return output;
	free(output);
	output = command_capture(here.crash_log, ret_done);
	if (!*ret_done)
		ASSIGN_SIZE(printk_info) = -1;
	return output;
}

static void log_hook(void)
{
	struct la_log_format format = { .time = LA_LOG_UPTIME };
	char *output;
	bool done, known = take_options(&format);

	optind = 0;
	output = run_crash_log(&done);
	if (!output)
		return;
	fputs(output, fp);
	if (known && (!done || has_failed(output)))
		show_ours(&format);
	free(output);
}

void log_install(void)
{
	here.crash_log = command_replace("log", log_hook);
}
