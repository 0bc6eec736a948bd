// SPDX-License-Identifier: GPL-3.0-or-later
// The build-ids of a dump. A kernel that died before it wrote its VMCOREINFO has its own in its .notes, as in vmlinux.
#include "lakvm/guest/build_id.h"

#include <string.h>

#include "base/bytes.h"
#include "image_scan.h"
#include "lakvm/guest/vmcoreinfo.h"

/* A kernel, its vDSO, modules and the programs whose pages lie beside them. */
#define MAX_IDS 256

/* Bytes of a note's header and of its owner's name, padded */
#define HEADER 12
#define OWNER 4

struct ids {
	struct la_build_id *id;
	size_t n;
};

static bool has(const struct la_build_id *id, size_t n, const struct la_build_id *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (la_build_id_same(&id[i], wanted))
			return true;
	return false;
}

bool la_kernel_identity_has(const struct la_kernel_identity *k, const struct la_build_id *id)
{
	return has(k->id, k->n, id);
}

/* What begins before @left bytes are left is seen again with the next block. */
static bool look(void *ctx, const unsigned char *bytes)
{
	const unsigned char *const end = bytes + LA_SCAN_CARRIED + LA_SCAN_BLOCK;
	struct ids *ids = ctx;

	for (const unsigned char *at = bytes;
	     (at = memmem(at, (size_t)(end - at), LA_BUILD_ID_OWNER, OWNER)); at++) {
		const unsigned char *note = at - HEADER;
		struct la_build_id id;

		if (at - bytes < HEADER || la_le32(note) != OWNER ||
		    la_le32(note + 8) != LA_BUILD_ID_TYPE)
			continue;
		id.size = la_le32(note + 4);
		if (id.size < 4 || id.size > sizeof(id.byte) ||
		    id.size > (size_t)(end - at) - OWNER)
			continue;
		memcpy(id.byte, at + OWNER, id.size);
		if (!has(ids->id, ids->n, &id))
			ids->id[ids->n++] = id;
		if (ids->n == MAX_IDS)
			return true;
	}
	return false;
}

/* What VMCOREINFO says; its text, or NULL. */
static void ask_vmcoreinfo(const struct la_door *door, const struct la_ram_range *ram, size_t nram,
			   struct la_arena *arena, struct la_kernel_identity *ret)
{
	const char *text = door->vmcoreinfo, *banner = NULL, *value;
	size_t len = door->vmcoreinfo_size, n;

	if (!text &&
	    la_vmcoreinfo_find(door, ram, nram, arena, &text, &len, &banner, NULL) != LA_OK)
		text = NULL;
	if (text && la_vmcoreinfo_get(text, len, "OSRELEASE", &value, &n) && n)
		ret->release = la_strndup(arena, value, n);
	else if (banner)
		ret->release = la_strndup(arena, banner + 14, strcspn(banner + 14, " "));
	if (text && la_vmcoreinfo_get(text, len, "BUILD-ID", &value, &n) &&
	    la_build_id_parse(value, n, ret->id))
		ret->n = 1;
	ret->said = ret->n;
}

enum la_status la_kernel_identity_find(const struct la_door *door, const struct la_ram_range *ram,
				       size_t nram, bool all, struct la_arena *arena,
				       struct la_kernel_identity *ret, struct la_error *err)
{
	struct ids ids;

	*ret = (struct la_kernel_identity){ .id = la_alloc_n(arena, MAX_IDS, sizeof(*ret->id)) };
	if (!ret->id)
		return la_fail(err, LA_NOMEM, "build-ids");
	ask_vmcoreinfo(door, ram, nram, arena, ret);
	if (!ret->n || all) {
		ids = (struct ids){ ret->id, ret->n };
		la_image_scan(door, ram, nram, arena, look, NULL, &ids);
		ret->n = ids.n;
	}
	return ret->n ? LA_OK : la_fail(err, LA_ABSENT, "no build-id in the dump");
}
