// SPDX-License-Identifier: GPL-3.0-or-later
// VMCOREINFO and the banner of a kernel whose symbols nobody has, out of the guest's memory.
#include <string.h>

#include "base/bytes.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/isa/regs.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/guest/vmcoreinfo.h"
#include "image_scan.h"

#define BLOCK LA_SCAN_BLOCK

static const char first_key[] = "OSRELEASE=";
static const char version[] = "Linux version ";

struct scan {
	const struct la_door *door;
	const struct la_ram_range *ram;
	size_t nram;
	struct la_arena *arena;
	uint64_t last; /* pointer that was followed last: page tables hold one a thousand times */
	char *text;
	size_t len;
	char *banner;
};

static bool is_ram(const struct scan *s, uint64_t pa)
{
	const struct la_ram_range *r = la_ram_find(s->ram, s->nram, pa);

	return r && r->start <= pa;
}

static enum la_status read_phys(const struct scan *s, uint64_t pa, void *ret, size_t len)
{
	return s->door->read_phys(s->door->ctx, pa, ret, len);
}

/* A guest that ran another kernel before, by kexec, may still hold that one's text. */
static bool statement_holds(const struct scan *s, const char *text, size_t len)
{
	const char *release;
	size_t n;
	uint64_t uts;
	char here[512];

	return la_vmcoreinfo_get(text, len, "OSRELEASE", &release, &n) && n &&
	       la_vmcoreinfo_number(text, len, "SYMBOL(init_uts_ns)", true, &uts) &&
	       read_phys(s, uts & LA_PHYS_MASK, here, sizeof(here)) == LA_OK &&
	       memmem(here, sizeof(here), release, n);
}

static bool try_page(struct scan *s, uint64_t pa)
{
	char head[sizeof(first_key) - 1];
	size_t len = 0;

	if (read_phys(s, pa, head, sizeof(head)) != LA_OK || memcmp(head, first_key, sizeof(head)))
		return false;
	if (!s->text && !(s->text = la_alloc(s->arena, LA_VMCOREINFO_MAX + 1)))
		return false;
	while (len < LA_VMCOREINFO_MAX && read_phys(s, pa + len, s->text + len, BLOCK) == LA_OK) {
		const size_t n = strnlen(s->text + len, BLOCK);

		len += n;
		if (n < BLOCK)
			break;
	}
	s->text[len] = '\0';
	s->len = len;
	return statement_holds(s, s->text, len);
}

static bool follow_pointers(struct scan *s, const unsigned char *block)
{
	for (size_t i = 0; i < BLOCK; i += 8) {
		const uint64_t value = la_le64(block + i);

		if (value >> 48 != LA_CACHED_WINDOW << 12 || value % BLOCK || value == s->last ||
		    !is_ram(s, value & LA_PHYS_MASK))
			continue;
		s->last = value;
		if (try_page(s, value & LA_PHYS_MASK))
			return true;
	}
	return false;
}

static void look_for_banner(struct scan *s, const char *text, size_t size)
{
	for (const char *at = text; (at = memmem(at, size, version, sizeof(version) - 1));) {
		const size_t left = size - (size_t)(at - text);
		const char *end = memchr(at, '\n', left);

		/* Its format has a digit here, and others are formats of messages. */
		if (end && at[sizeof(version) - 1] >= '0' && at[sizeof(version) - 1] <= '9') {
			s->banner = la_strndup(s->arena, at, (size_t)(end - at));
			return;
		}
		size = left - 1;
		text = ++at;
	}
}

static bool look(void *ctx, const unsigned char *bytes)
{
	struct scan *s = ctx;

	if (!s->banner)
		look_for_banner(s, (const char *)bytes, LA_SCAN_CARRIED + LA_SCAN_BLOCK);
	return follow_pointers(s, bytes + LA_SCAN_CARRIED);
}

/* Where the banner is the kernel is, and it has no VMCOREINFO. */
static bool no_banner(void *ctx)
{
	return !((const struct scan *)ctx)->banner;
}

enum la_status la_vmcoreinfo_find(const struct la_door *door, const struct la_ram_range *ram,
				  size_t nram, struct la_arena *arena, const char **ret,
				  size_t *ret_len, const char **banner, struct la_error *err)
{
	struct scan s = { .door = door, .ram = ram, .nram = nram, .arena = arena };
	const bool done = la_image_scan(door, ram, nram, arena, look, no_banner, &s);

	*banner = s.banner;
	if (!done)
		return la_fail(
			err, LA_ABSENT,
			"no VMCOREINFO in the guest's memory: the kernel has none, or stopped before it wrote it");
	*ret = s.text;
	*ret_len = s.len;
	return LA_OK;
}
