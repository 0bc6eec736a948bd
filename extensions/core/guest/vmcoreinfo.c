// SPDX-License-Identifier: GPL-3.0-or-later
// VMCOREINFO out of the guest's memory, and its lines.
#include "lakvm/guest/vmcoreinfo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum la_status la_vmcoreinfo_read(const struct la_kernel *k, struct la_arena *arena,
				  const char **ret, size_t *ret_len, struct la_error *err)
{
	uint64_t data, size;
	enum la_status status;
	char *text;

	if (k->door->vmcoreinfo) {
		*ret = la_strndup(arena, k->door->vmcoreinfo, k->door->vmcoreinfo_size);
		if (!*ret)
			return la_fail(err, LA_NOMEM, "VMCOREINFO");
		*ret_len = strlen(*ret);
		return LA_OK;
	}
	status = la_read_variable(k, "vmcoreinfo_data", 8, &data, err);
	if (status == LA_OK)
		status = la_read_variable(k, "vmcoreinfo_size", 8, &size, err);
	if (status != LA_OK)
		return status;
	if (!data || !size)
		return la_fail(err, LA_ABSENT, "the guest has not written its VMCOREINFO");
	if (size > LA_VMCOREINFO_MAX)
		return la_fail(err, LA_CORRUPT, "vmcoreinfo_size is %" PRIu64, size);
	text = la_alloc(arena, size + 1);
	if (!text)
		return la_fail(err, LA_NOMEM, "VMCOREINFO");
	status = la_read(k, data, text, size, err);
	if (status != LA_OK)
		return la_fail(err, status, "VMCOREINFO");
	*ret = text;
	*ret_len = size;
	return LA_OK;
}

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
	size_t n;

	if (!la_vmcoreinfo_get(text, len, key, &value, &n) || !n || n >= sizeof(digits))
		return false;
	memcpy(digits, value, n);
	digits[n] = '\0';
	errno = 0;
	*ret = strtoull(digits, &end, hex || !strncmp(digits, "0x", 2) ? 16 : 10);
	return !errno && !*end;
}
