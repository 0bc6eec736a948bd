// SPDX-License-Identifier: GPL-3.0-or-later
// VMCOREINFO out of the guest's memory, where the kernel's own variables say it is.
#include "lakvm/guest/vmcoreinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool la_vmcoreinfo_fits(const struct la_kernel *k)
{
	static const char *const names[] = { "_stext", "swapper_pg_dir", "init_uts_ns" };
	const struct la_door *door = k->door;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t here, said;
		char key[40];

		snprintf(key, sizeof(key), "SYMBOL(%s)", names[i]);
		if (la_vmcoreinfo_number(door->vmcoreinfo, door->vmcoreinfo_size, key, true,
					 &said) &&
		    door->symbol(door->ctx, names[i], &here) && here != said)
			return false;
	}
	return true;
}

enum la_status la_vmcoreinfo_read(const struct la_kernel *k, struct la_arena *arena,
				  const char **ret, size_t *ret_len, struct la_error *err)
{
	uint64_t data, size;
	enum la_status status;
	char *text;

	if (k->door->vmcoreinfo && la_vmcoreinfo_fits(k)) {
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
