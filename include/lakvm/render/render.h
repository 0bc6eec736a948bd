/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Results into text and JSON. Nothing here looks at the guest: all it prints is in the result.
 * JSON always has source positions where the result has them (la_cpus_lines, la_panic_lines).
 * The JSON is described in docs/json.md.
 */
#ifndef LAKVM_RENDER_H
#define LAKVM_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "lakvm/cpu/cpus.h"
#include "lakvm/guest/log.h"
#include "lakvm/render/sink.h"
#include "lakvm/triage/panic.h"

struct la_render_options {
	bool registers; /* all general registers and CSRs */
	bool stacks;
	bool source;          /* with stacks: source positions and inlined functions, if known */
	const unsigned *only; /* CPU numbers to show, NULL = all */
	size_t nonly;
};

/** What stands in front of a line of the log, and behind it. */
struct la_log_format {
	enum { LA_LOG_UPTIME, LA_LOG_CLOCK, LA_LOG_NO_TIME } time;
	int64_t boot; /* when the guest booted, in seconds since 1970, for LA_LOG_CLOCK */
	bool level;   /* "<4>" */
	int caller;   /* "[  T153]" a thread's number, "[    C1]" a CPU's, so wide; 0: not shown */
	bool device;  /* lines SUBSYSTEM= and DEVICE=, where the record has them */
};

/** Each record, with the time since boot, unless @format wants it otherwise. */
void la_render_log_text(const struct la_log *log, const struct la_log_format *format,
			const struct la_sink *sink);

/**
 * A first screen of at most 12 lines of 100 columns: verdict, cause, where, who, when, what is stuck, what to do next;
 * then all that it rests on. @verbose: the end of the log and all CPUs with registers and stacks, too.
 */
void la_render_panic_text(const struct la_panic *p, bool verbose, const struct la_sink *sink);

/** All in one line: verdict, cause, where, hash of the signature. */
void la_render_panic_line(const struct la_panic *p, const struct la_sink *sink);

void la_render_cpus_text(const struct la_cpus *cpus, const struct la_render_options *opt,
			 const struct la_sink *sink);

/**
 * Where a frame is in the source, below its line: first the functions that were inlined there, which have no
 * frame and so no number. @at NULL: nothing.
 */
void la_render_source(const struct la_lines_at *at, const struct la_sink *sink);

/** Is @c to be shown at all? */
bool la_render_wanted(const struct la_render_options *opt, const struct la_cpu *c);

/** One JSON object on one line, ended by a newline. LA_NOMEM is the only failure: nothing is printed. */
enum la_status la_render_panic_json(const struct la_panic *p, const struct la_sink *sink);
enum la_status la_render_cpus_json(const struct la_cpus *cpus, const struct la_render_options *opt,
				   const struct la_sink *sink);

#endif
