// SPDX-License-Identifier: GPL-3.0-or-later
// Status codes in words, and the trail of a failure.
#include "lakvm/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/base/escape.h"

const char *la_status_text(enum la_status status)
{
	switch (status) {
	case LA_OK:
		return "ok";
	case LA_ABSENT:
		return "not in this kernel or dump";
	case LA_UNMAPPED:
		return "not mapped by the guest";
	case LA_NOT_RAM:
		return "outside the guest's RAM";
	case LA_EXCLUDED:
		return "excluded from the dump";
	case LA_TRUNCATED:
		return "beyond the end of the cut-off dump file";
	case LA_CORRUPT:
		return "damaged";
	case LA_UNSUPPORTED:
		return "not supported";
	case LA_INVALID:
		return "invalid argument";
	case LA_IO:
		return "input or output failed";
	case LA_NOMEM:
		return "out of memory";
	case LA_NSTATUS:
		break;
	}
	return "unknown status";
}

void la_error_clear(struct la_error *err)
{
	if (err)
		err->text[0] = '\0';
}

enum la_status la_fail(struct la_error *err, enum la_status status, const char *fmt, ...)
{
	char inner[sizeof(err->text)] = "", phrase[sizeof(err->text)];
	const char *rest;
	va_list ap;
	size_t n;

	if (!err)
		return status;
	/* What runs out of memory has no words of its own. */
	if (err->text[0] || status == LA_NOMEM)
		snprintf(inner, sizeof(inner), "%s",
			 err->text[0] ? err->text : la_status_text(status));

	va_start(ap, fmt);
	if (vsnprintf(phrase, sizeof(phrase), fmt, ap) < 0)
		phrase[0] = '\0';
	va_end(ap);
	rest = la_text_escape(phrase, false, err->text, sizeof(err->text));
	n = strlen(err->text);
	if (inner[0] && !*rest && n + 2 < sizeof(err->text)) {
		memcpy(err->text + n, ": ", 2);
		/* cut between characters; what is printable already stays as it is */
		la_text_escape(inner, false, err->text + n + 2, sizeof(err->text) - n - 2);
	}
	return status;
}
