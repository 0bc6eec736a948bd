// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel's log as text, in the form that crash's log prints it.
#include "lakvm/render/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void put_time(const struct la_record *record, const struct la_log_format *format,
		     const struct la_sink *sink)
{
	const uint64_t seconds = record->ts_nsec / 1000000000;
	time_t at = (time_t)(format->boot + (int64_t)seconds);
	struct tm parts;
	char text[64];

	if (format->time == LA_LOG_UPTIME)
		la_put(sink, "[%5" PRIu64 ".%06" PRIu64 "] ", seconds,
		       record->ts_nsec % 1000000000 / 1000);
	else if (format->time == LA_LOG_CLOCK && localtime_r(&at, &parts) &&
		 strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Z %Y", &parts))
		la_put(sink, "[%s] ", text);
}

static void put_caller(uint32_t caller, int width, const struct la_sink *sink)
{
	char text[16];

	snprintf(text, sizeof(text), "%c%u", caller >> 31 ? 'C' : 'T', caller & 0x7fffffff);
	la_put(sink, "[%*s] ", width, text);
}

void la_render_log_text(const struct la_log *log, const struct la_log_format *format,
			const struct la_sink *sink)
{
	for (size_t i = 0; i < log->n; i++) {
		const struct la_record *record = &log->record[i];

		put_time(record, format, sink);
		if (format->caller && record->caller_id != UINT32_MAX)
			put_caller(record->caller_id, format->caller, sink);
		if (format->level)
			la_put(sink, "<%u>", record->level);
		la_put_text(sink, record->text, true);
		la_puts(sink, "\n");
		if (format->device && record->subsystem[0]) {
			la_puts(sink, "           SUBSYSTEM=");
			la_put_text(sink, record->subsystem, false);
			la_puts(sink, "\n");
		}
		if (format->device && record->device[0]) {
			la_puts(sink, "           DEVICE=");
			la_put_text(sink, record->device, false);
			la_puts(sink, "\n");
		}
	}
}
