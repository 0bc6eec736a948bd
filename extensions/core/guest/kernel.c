// SPDX-License-Identifier: GPL-3.0-or-later
// The guest kernel's memory by virtual address, its variables and members.
#include "lakvm/guest/kernel.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

enum la_status la_read(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
		       struct la_error *err)
{
	unsigned char *out = ret;

	while (len) {
		struct la_translation t;
		enum la_status status;
		uint64_t room;
		size_t n;

		status = la_translate(k->door, &k->mmu, k->mmu.kernel_pgd, va, &t, err);
		if (status != LA_OK)
			return la_fail(err, status, "%#" PRIx64, va);
		room = (UINT64_C(1) << t.page_shift) - (va & ((UINT64_C(1) << t.page_shift) - 1));
		n = len < room ? len : (size_t)room;
		status = k->door->read_phys(k->door->ctx, t.pa, out, n);
		if (status != LA_OK)
			return la_fail(err, status, "%#" PRIx64 " (physical %#" PRIx64 ") is %s",
				       va, t.pa, la_status_text(status));
		va += n;
		out += n;
		len -= n;
	}
	return LA_OK;
}

/* @otherwise: what to say where vmlinux does not tell. */
static bool image_at(const struct la_kernel *k, uint64_t va, bool otherwise)
{
	uint64_t start, end;

	if ((!k->door->symbol(k->door->ctx, "_text", &start) &&
	     !k->door->symbol(k->door->ctx, "_stext", &start)) ||
	    !k->door->symbol(k->door->ctx, "_end", &end) || end <= start)
		return otherwise;
	return va >= start && va < end;
}

bool la_in_image(const struct la_kernel *k, uint64_t va)
{
	return image_at(k, va, true);
}

/* Pointers that the file has already, and that never leave the image. */
enum la_status la_relocated(const struct la_kernel *k, struct la_error *err)
{
	static const struct {
		const char *variable, *type, *member; /* type NULL: the variable is the pointer */
	} own[] = {
		{ "prb", NULL, NULL },
		{ "init_mm", "mm_struct", "pgd" },
		{ "init_task", "task_struct", "stack" },
	};
	const struct la_door *door = k->door;

	for (size_t i = 0; door->relocation && i < sizeof(own) / sizeof(own[0]); i++) {
		const char *type = own[i].type, *member = own[i].member;
		uint64_t at, value;

		if (!door->symbol(door->ctx, own[i].variable, &at) ||
		    (type ? la_read_member(k, at, type, member, &value, NULL) :
			    la_read_u64(k, at, &value, NULL)) != LA_OK ||
		    image_at(k, value, true) || !image_at(k, value + door->relocation, false))
			continue;
		return la_fail(err, LA_CORRUPT,
			       "its data is not relocated: %s%s%s leads to %#" PRIx64
			       ", where it was linked",
			       own[i].variable, type ? "." : "", type ? member : "", value);
	}
	return LA_OK;
}

static bool is_init_text(const struct la_kernel *k, uint64_t va)
{
	uint64_t begin, end;

	return k->door->symbol(k->door->ctx, "__init_begin", &begin) &&
	       k->door->symbol(k->door->ctx, "__init_end", &end) && va >= begin && va < end;
}

enum la_status la_read_code(const struct la_kernel *k, uint64_t va, void *ret, size_t len,
			    struct la_error *err)
{
	if (k->door->file_bytes && is_init_text(k, va) &&
	    k->door->file_bytes(k->door->ctx, va, ret, len) == len)
		return LA_OK;
	return la_read(k, va, ret, len, err);
}

static enum la_status read_unsigned(const struct la_kernel *k, uint64_t va, size_t size,
				    uint64_t *ret, struct la_error *err)
{
	unsigned char raw[8] = { 0 };
	enum la_status status;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return la_fail(err, LA_UNSUPPORTED, "a number of %zu bytes", size);
	status = la_read(k, va, raw, size, err);
	if (status == LA_OK)
		*ret = la_le64(raw);
	return status;
}

enum la_status la_read_u64(const struct la_kernel *k, uint64_t va, uint64_t *ret,
			   struct la_error *err)
{
	return read_unsigned(k, va, sizeof(*ret), ret, err);
}

enum la_status la_read_u32(const struct la_kernel *k, uint64_t va, uint32_t *ret,
			   struct la_error *err)
{
	uint64_t value;
	enum la_status status = read_unsigned(k, va, sizeof(*ret), &value, err);

	if (status == LA_OK)
		*ret = (uint32_t)value;
	return status;
}

/* Brent's way: the mark is set anew after 1, 2, 4, ... steps, and in a circle met again. */
bool la_list_endless(const struct la_kernel *k, uint64_t head)
{
	uint64_t at, mark = head, steps = 0, room = 1;

	for (at = head; la_read_u64(k, at, &at, NULL) == LA_OK && at != head;) {
		if (at == mark)
			return true;
		if (++steps == room) {
			mark = at;
			room *= 2;
			steps = 0;
		}
	}
	return false;
}

enum la_status la_read_name(const struct la_kernel *k, uint64_t va, char *ret, size_t size,
			    struct la_error *err)
{
	size_t used = 0;

	/* Small pieces, so that a text in front of an unreadable page is still read. */
	while (used < size - 1) {
		size_t n = 64 - (size_t)((va + used) % 64);
		enum la_status status;

		if (n > size - 1 - used)
			n = size - 1 - used;
		status = la_read(k, va + used, ret + used, n, err);
		if (status != LA_OK) {
			ret[0] = '\0';
			return status;
		}
		if (memchr(ret + used, '\0', n))
			return LA_OK;
		used += n;
	}
	ret[used] = '\0';
	return LA_OK;
}

enum la_status la_read_text(const struct la_kernel *k, struct la_arena *arena, uint64_t va,
			    size_t max, char **ret, struct la_error *err)
{
	char *text = la_alloc(arena, max + 1);

	if (!text)
		return la_fail(err, LA_NOMEM, "text of %zu bytes", max);
	*ret = text;
	return la_read_name(k, va, text, max + 1, err);
}

enum la_status la_read_member(const struct la_kernel *k, uint64_t base, const char *type,
			      const char *member, uint64_t *ret, struct la_error *err)
{
	struct la_member m;
	enum la_status status;

	if (!k->door->member(k->door->ctx, type, member, &m))
		return la_fail(err, LA_ABSENT, "this kernel has no %s.%s", type, member);
	status = read_unsigned(k, base + m.offset, m.size, ret, err);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s.%s", type, member);
}

enum la_status la_read_variable(const struct la_kernel *k, const char *name, size_t size,
				uint64_t *ret, struct la_error *err)
{
	uint64_t va;
	enum la_status status;

	if (!k->door->symbol(k->door->ctx, name, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", name);
	status = read_unsigned(k, va, size, ret, err);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s", name);
}

enum la_status la_percpu(const struct la_kernel *k, const char *name, unsigned cpu, uint64_t *ret,
			 struct la_error *err)
{
	uint64_t va;

	if (!k->percpu)
		return la_fail(err, LA_ABSENT, "the guest has set up no per-CPU areas");
	if (cpu >= k->ncpus)
		return la_fail(err, LA_INVALID, "no CPU %u", cpu);
	if (!k->door->symbol(k->door->ctx, name, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", name);
	*ret = va + k->percpu[cpu];
	return LA_OK;
}

enum la_status la_cpumask_test(const struct la_kernel *k, const char *mask, unsigned cpu, bool *ret,
			       struct la_error *err)
{
	uint64_t va, word;
	enum la_status status;

	if (cpu >= k->ncpus)
		return la_fail(err, LA_INVALID, "no CPU %u", cpu);
	if (!k->door->symbol(k->door->ctx, mask, &va))
		return la_fail(err, LA_ABSENT, "this kernel has no %s", mask);
	status = la_read_u64(k, va + cpu / 64 * 8, &word, err);
	if (status == LA_OK)
		*ret = word >> (cpu % 64) & 1;
	return status;
}
