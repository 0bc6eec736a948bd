// SPDX-License-Identifier: GPL-3.0-or-later
// VMCOREINFO and the banner of a kernel whose symbols nobody has, out of the guest's memory.
#include <string.h>

#include "base/bytes.h"
#include "lakvm/isa/loongarch.h"
#include "lakvm/isa/regs.h"
#include "lakvm/guest/mmu.h"
#include "lakvm/guest/vmcoreinfo.h"

#define BLOCK 4096u
#define CARRIED 256u /* the longest banner that is found where two blocks meet */
/* Where the kernel is unless a hint tells: loaded at 2 MiB and moved by up to 256 MiB. */
#define LOW_END UINT64_C(0x14000000)
/* An image is smaller than this; its data lie behind its text. */
#define IMAGE_SIZE UINT64_C(0x4000000)

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

static bool scan_ram(struct scan *s, uint64_t start, uint64_t end)
{
	unsigned char buffer[CARRIED + BLOCK] = { 0 };

	for (uint64_t pa = start & ~(uint64_t)(BLOCK - 1); pa < end; pa += BLOCK) {
		memmove(buffer, buffer + BLOCK, CARRIED);
		if (read_phys(s, pa, buffer + CARRIED, BLOCK) != LA_OK) {
			memset(buffer + CARRIED, 0, BLOCK);
			continue;
		}
		if (!s->banner)
			look_for_banner(s, (const char *)buffer, sizeof(buffer));
		if (follow_pointers(s, buffer + CARRIED))
			return true;
	}
	return false;
}

static bool scan_range(struct scan *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->nram; i++) {
		const struct la_ram_range *r = &s->ram[i];

		if (scan_ram(s, r->start > start ? r->start : start, r->end < end ? r->end : end))
			return true;
	}
	return false;
}

/* The lowest and highest kernel address to which a vCPU was about to return; false: none. */
static bool find_text(const struct scan *s, uint64_t *low, uint64_t *high)
{
	struct la_vcpu_regs *note = NULL;
	size_t n = 0;

	*low = UINT64_MAX;
	*high = 0;
	if (s->door->notes)
		la_notes_regs(s->arena, s->door->notes, s->door->notes_size, &note, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		uint64_t ra;

		if (!la_gpr_get(&note[i].regs, LA_R_RA, &ra) || ra >> 60 != LA_CACHED_WINDOW)
			continue;
		ra &= LA_PHYS_MASK;
		*low = ra < *low ? ra : *low;
		*high = ra > *high ? ra : *high;
	}
	return *high && *high - *low < IMAGE_SIZE;
}

enum la_status la_vmcoreinfo_find(const struct la_door *door, const struct la_ram_range *ram,
				  size_t nram, struct la_arena *arena, const char **ret,
				  size_t *ret_len, const char **banner, struct la_error *err)
{
	struct scan s = { .door = door, .ram = ram, .nram = nram, .arena = arena };
	uint64_t low, high;
	bool done = false;

	if (find_text(&s, &low, &high))
		done = scan_range(&s, low > IMAGE_SIZE ? low - IMAGE_SIZE : 0, high + IMAGE_SIZE);
	if (!done && !s.banner)
		done = scan_range(&s, 0, LOW_END);
	*banner = s.banner;
	if (!done)
		return la_fail(
			err, LA_ABSENT,
			"no VMCOREINFO in the guest's memory: the kernel has none, or stopped before it wrote it");
	*ret = s.text;
	*ret_len = s.len;
	return LA_OK;
}
