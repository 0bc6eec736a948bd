// SPDX-License-Identifier: GPL-3.0-or-later
// Status codes in words, and the trail of a failure.
#include "lakvm/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
		return "left out of the dump";
	case LA_TRUNCATED:
		return "beyond the end of the cut-off dump file";
	case LA_CORRUPT:
		return "damaged";
	case LA_UNSUPPORTED:
		return "not supported";
	case LA_INVALID:
		return "invalid argument";
	case LA_NOMEM:
		return "out of memory";
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
	char inner[sizeof(err->text)];
	va_list ap;
	int n;

	if (!err)
		return status;
	memcpy(inner, err->text, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';

	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n < 0)
		err->text[0] = '\0';
	if (inner[0] && n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", inner);
	return status;
}
