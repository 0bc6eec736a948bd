// SPDX-License-Identifier: GPL-3.0-or-later
// The list of modules, their names and where they are.
#include "lakvm/guest/modules.h"

#include <inttypes.h>
#include <string.h>

#include "module_list.h"

/* A list that is longer is damaged: a distribution's kernel in a guest loads some 100. */
#define MAX_MODULES 4096
/* All modules lie within MODULES_VADDR to MODULES_END, 256 MiB (asm/pgtable.h). */
#define MAX_PART (UINT64_C(256) << 20)
/* MODULE_NAME_LEN is 56; a version is text of its author's. */
#define MAX_NAME 64
#define MAX_VERSION 64
/* Of all modules, far more than a distribution's take (amdgpu alone: 60000 symbols, 2 MiB of names). */
#define MAX_SYMBOLS ((size_t)1 << 20)
#define MAX_NAMES ((size_t)64 << 20)

enum la_status la_module_walk_begin(const struct la_kernel *k, struct la_module_walk *ret,
				    struct la_error *err)
{
	const struct la_door *door = k->door;
	struct la_member list;

	*ret = (struct la_module_walk){ .head = 0 };
	if (!door->symbol(door->ctx, "modules", &ret->head) ||
	    !door->member(door->ctx, "module", "list", &list))
		return la_fail(err, LA_ABSENT, "this kernel has no list of modules");
	ret->at = ret->head;
	ret->link = list.offset;
	return LA_OK;
}

enum la_status la_module_walk_next(const struct la_kernel *k, struct la_module_walk *w,
				   uint64_t *ret, struct la_error *err)
{
	if (w->cycle.steps == MAX_MODULES || la_cycle_step(&w->cycle, w->at))
		return la_fail(err, LA_CORRUPT, "the list of modules does not end");
	if (la_read_u64(k, w->at, &w->at, NULL) != LA_OK)
		return la_fail(err, LA_CORRUPT, "the list of modules cannot be read at %#" PRIx64,
			       w->at);
	*ret = w->at == w->head ? 0 : w->at - w->link;
	return LA_OK;
}

static void add_part(struct la_module *m, uint64_t start, uint64_t size)
{
	if (!start || !size || size > MAX_PART || start > UINT64_MAX - size ||
	    m->nparts == LA_MODULE_PARTS)
		return;
	m->part[m->nparts++] = (struct la_module_part){ start, start + size };
}

static void read_part(const struct la_kernel *k, uint64_t at, const char *type, const char *base,
		      const char *size, struct la_module *m)
{
	uint64_t start, bytes;

	if (la_read_member(k, at, type, base, &start, NULL) == LA_OK &&
	    la_read_member(k, at, type, size, &bytes, NULL) == LA_OK)
		add_part(m, start, bytes);
}

/*
 * module.mem[] of struct module_memory since 6.4 (commit ac3b43283923), before core_layout and init_layout of struct
 * module_layout (since 4.5). Of memory that was given back, as init's is, nothing is left there.
 */
void la_module_read_parts(const struct la_kernel *k, struct la_module *m)
{
	const struct la_door *door = k->door;
	struct la_member mem;
	size_t size;

	m->nparts = 0;
	if (!door->member(door->ctx, "module", "mem", &mem)) {
		if (door->member(door->ctx, "module", "core_layout", &mem))
			read_part(k, m->address + mem.offset, "module_layout", "base", "size", m);
		if (door->member(door->ctx, "module", "init_layout", &mem))
			read_part(k, m->address + mem.offset, "module_layout", "base", "size", m);
		return;
	}
	if (!door->type_size(door->ctx, "module_memory", &size) || !size)
		return;
	for (size_t at = 0; at + size <= mem.size && at / size < LA_MODULE_PARTS; at += size)
		read_part(k, m->address + mem.offset + at, "module_memory", "base", "size", m);
}

/* Printable ASCII: neither has more in a kernel that is sound. */
static bool plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

void la_module_read_names(const struct la_kernel *k, struct la_arena *arena, struct la_module *m)
{
	const struct la_door *door = k->door;
	struct la_member name;
	uint64_t version;
	char *text;

	m->name = "";
	if (door->member(door->ctx, "module", "name", &name) && name.size &&
	    la_read_text(k, arena, m->address + name.offset,
			 name.size < MAX_NAME ? name.size : MAX_NAME, &text, NULL) == LA_OK &&
	    plain(text))
		m->name = text;
	if (la_read_member(k, m->address, "module", "version", &version, NULL) == LA_OK &&
	    version && la_read_text(k, arena, version, MAX_VERSION, &text, NULL) == LA_OK &&
	    *text && plain(text))
		m->version = text;
}

static enum la_status read_one(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			       struct la_module_budget *left, struct la_module *ret,
			       struct la_error *err)
{
	*ret = (struct la_module){ .address = address };
	la_module_read_parts(k, ret);
	la_module_read_names(k, arena, ret);
	return la_module_read_symbols(k, arena, ret, left, err);
}

enum la_status la_modules_read(const struct la_kernel *k, struct la_arena *arena,
			       struct la_modules *ret, struct la_error *err)
{
	struct la_module *list = NULL, *place;
	struct la_module_walk walk;
	struct la_error why = { "" };
	struct la_module_budget left = { MAX_SYMBOLS, MAX_NAMES };
	size_t poor = 0, room = 0;
	enum la_status status = la_module_walk_begin(k, &walk, err);
	uint64_t module = 0;

	*ret = (struct la_modules){ .n = 0 };
	if (status != LA_OK)
		return status;
	while ((status = la_module_walk_next(k, &walk, &module, &why)) == LA_OK && module) {
		list = la_room(arena, list, ret->n, &room, sizeof(*list));
		if (!list)
			return la_fail(err, LA_NOMEM, "modules");
		place = &list[ret->n++];
		ret->module = list;
		status = read_one(k, arena, module, &left, place, err);
		if (status != LA_OK)
			return status;
		poor += place->incomplete;
	}
	if (la_bpf_read(k, arena, ret, err) == LA_NOMEM)
		return LA_NOMEM;
	if (status != LA_OK)
		ret->remark = la_format(arena, "%s, after %zu", why.text, ret->n);
	else if (poor)
		ret->remark = la_format(arena, "of %zu modules not all symbols can be read", poor);
	return la_modules_hash(ret, arena) ? LA_OK : la_fail(err, LA_NOMEM, "modules");
}

/* The same with its parts in @ret. */
static enum la_status find_parts(const struct la_kernel *k, uint64_t address, struct la_module *ret,
				 struct la_error *err)
{
	const struct la_modules one = { .module = ret, .n = 1 };
	struct la_module_walk walk;
	enum la_status status = la_module_walk_begin(k, &walk, err);
	uint64_t module = 0;

	*ret = (struct la_module){ .name = "" };
	while (status == LA_OK) {
		status = la_module_walk_next(k, &walk, &module, err);
		if (status == LA_OK && !module)
			return la_fail(err, LA_ABSENT, "no module has %#" PRIx64, address);
		if (status != LA_OK)
			break;
		ret->address = module;
		la_module_read_parts(k, ret);
		if (la_modules_find(&one, address))
			return LA_OK;
	}
	return status;
}

enum la_status la_module_at(const struct la_kernel *k, uint64_t address, uint64_t *ret,
			    struct la_error *err)
{
	struct la_module m;
	enum la_status status = find_parts(k, address, &m, err);

	if (status == LA_OK)
		*ret = m.address;
	return status;
}

enum la_status la_module_find(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			      struct la_module *ret, struct la_error *err)
{
	enum la_status status = find_parts(k, address, ret, err);

	if (status == LA_OK)
		la_module_read_names(k, arena, ret);
	return status;
}
