// SPDX-License-Identifier: GPL-3.0-or-later
// The code that BPF's compiler has made: a struct bpf_ksym of each program and trampoline in the list "bpf_kallsyms"
// (kernel/bpf/core.c, include/linux/bpf.h, since 5.7, commit bfea9a8574f3), which /proc/kallsyms shows as "[bpf]".
#include <stdlib.h>

#include "base/cycle.h"
#include "lakvm/guest/modules.h"

/* A list that is longer is damaged: machines that are watched by many programs have some thousand. */
#define MAX_SYMBOLS 65536
/* A program's name is "bpf_prog_", its tag, "_" and at most 127 bytes of its function's (btf.c). */
#define MAX_NAME 160
/* BPF_MAXINSNS and what the compiler makes of one: no image is longer. */
#define MAX_SIZE (UINT64_C(64) << 20)

struct layout {
	struct la_member start, end, name, link;
};

static bool find_layout(const struct la_door *door, struct layout *ret)
{
	static const char type[] = "bpf_ksym";

	return door->member(door->ctx, type, "start", &ret->start) &&
	       door->member(door->ctx, type, "end", &ret->end) &&
	       door->member(door->ctx, type, "name", &ret->name) &&
	       door->member(door->ctx, type, "lnode", &ret->link);
}

/* False: what is there is no code of the kernel's, or its name cannot be read. */
static bool read_one(const struct la_kernel *k, struct la_arena *arena, const struct layout *l,
		     uint64_t at, struct la_module_symbol *ret)
{
	uint64_t start, end;
	char *name;

	if (la_read_u64(k, at + l->start.offset, &start, NULL) != LA_OK ||
	    la_read_u64(k, at + l->end.offset, &end, NULL) != LA_OK || start & 3 || start >= end ||
	    end - start > MAX_SIZE ||
	    la_read_text(k, arena, at + l->name.offset, MAX_NAME, &name, NULL) != LA_OK || !*name)
		return false;
	*ret = (struct la_module_symbol){ start, end - start, name, true };
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct la_module_symbol *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

enum la_status la_bpf_read(const struct la_kernel *k, struct la_arena *arena,
			   struct la_modules *ret, struct la_error *err)
{
	struct la_module_symbol *list = NULL;
	struct la_cycle cycle = { .steps = 0 };
	size_t n = 0, room = 0;
	uint64_t head, at;
	struct layout l;

	if (!k->door->symbol(k->door->ctx, "bpf_kallsyms", &head) || !find_layout(k->door, &l))
		return la_fail(err, LA_ABSENT, "this kernel has no list of BPF programs");
	for (at = head; la_read_u64(k, at, &at, NULL) == LA_OK && at != head;) {
		if (cycle.steps == MAX_SYMBOLS || la_cycle_step(&cycle, at))
			break;
		list = la_room(arena, list, n, &room, sizeof(*list));
		if (!list)
			return la_fail(err, LA_NOMEM, "BPF programs");
		n += read_one(k, arena, &l, at - l.link.offset, &list[n]);
	}
	if (n)
		qsort(list, n, sizeof(*list), compare);
	ret->bpf = list;
	ret->nbpf = n;
	return LA_OK;
}
