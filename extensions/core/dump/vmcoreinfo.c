// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of VMCOREINFO.
#include "lakvm/dump/vmcoreinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool la_vmcoreinfo_get(const char *text, size_t len, const char *key, const char **ret,
		       size_t *ret_len)
{
	const size_t n = strlen(key);

	while (text && len) {
		const char *eol = memchr(text, '\n', len);
		const size_t line = eol ? (size_t)(eol - text) : len;

		if (line > n && text[n] == '=' && !memcmp(text, key, n)) {
			*ret = text + n + 1;
			*ret_len = line - n - 1;
			return true;
		}
		if (!eol)
			break;
		text += line + 1;
		len -= line + 1;
	}
	return false;
}

bool la_vmcoreinfo_number(const char *text, size_t len, const char *key, bool hex, uint64_t *ret)
{
	char digits[24], *end;
	const char *value;
	uint64_t number;
	size_t n;

	if (!la_vmcoreinfo_get(text, len, key, &value, &n) || !n || n >= sizeof(digits))
		return false;
	memcpy(digits, value, n);
	digits[n] = '\0';
	errno = 0;
	number = strtoull(digits, &end, hex || !strncmp(digits, "0x", 2) ? 16 : 10);
	if (errno || *end)
		return false;
	*ret = number;
	return true;
}
