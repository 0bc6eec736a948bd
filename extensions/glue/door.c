// SPDX-License-Identifier: GPL-3.0-or-later
// The core's door over crash: memory of the dump, symbols, and layouts of the kernel's types.
#include "crash.h"
#include "glue.h"
#include "vmlinux.h"

#include <stdint.h>

#include "lakvm/base/jump.h"
#include "lakvm/dump/dump.h"

/*
 * gdb answers a question about a type in milliseconds, not microseconds, and the core asks the
 * same ones for every task: answers are kept. A full table only costs time.
 */
struct layout {
	char key[88]; /* "type.member", or "type" for its size, or "=enumerator" */
	bool known;
	long offset, size;
};

static struct {
	struct la_door door;
	struct la_overrides overrides;
	struct la_arena *arena;
	const struct la_modules *modules; /* NULL: crash knows them itself */
	bool open;
	struct layout layout[1024];
	size_t nlayouts;
} here;

static enum la_status read_phys(void *ctx, uint64_t pa, void *ret, size_t len)
{
	(void)ctx;
	return reader_read(pa, ret, len);
}

static bool symbol(void *ctx, const char *name, uint64_t *ret)
{
	/* An empty name is fatal to crash. */
	struct syment *sp = *name ? symbol_search((char *)name) : NULL;

	(void)ctx;
	if (!sp)
		return here.modules && la_modules_symbol(here.modules, name, ret);
	*ret = sp->value;
	return true;
}

/* crash marks where a module's parts begin and end by symbols of its own: "_MODULE_TEXT_START_name". */
static bool is_mark(const struct syment *sp)
{
	return !strncmp(sp->name, "_MODULE_", 8);
}

static bool symbol_at(void *ctx, uint64_t address, struct la_symbol *ret)
{
	struct load_module *module = NULL;
	struct syment *sp, *next;
	ulong offset;

	(void)ctx;
	sp = value_search(address, &offset);
	/* What begins with its part may have a symbol as well; a PLT entry has none. */
	while (sp && is_mark(sp)) {
		next = next_symbol(NULL, sp);
		sp = next && next->value == sp->value ? next : NULL;
	}
	if (!sp)
		return la_modules_symbol_at(here.modules, address, ret);
	next = next_symbol(NULL, sp);
	*ret = (struct la_symbol){ .name = sp->name,
				   .start = sp->value,
				   .end = next && next->value > sp->value ? next->value : 0 };
	if (module_symbol(address, NULL, &module, NULL, 0) && module)
		ret->module = module->mod_name;
	return true;
}

static bool symbol_size(void *ctx, const char *name, uint64_t *ret)
{
	(void)ctx;
	return vmlinux_symbol_size(name, ret);
}

struct question {
	const char *type, *name;
	struct layout answer;
};

static bool find_answer(const char *key, struct layout *ret)
{
	for (size_t i = 0; i < here.nlayouts; i++)
		if (!strcmp(here.layout[i].key, key)) {
			*ret = here.layout[i];
			return true;
		}
	return false;
}

static void keep_answer(const char *key, const struct layout *answer)
{
	struct layout *l = &here.layout[here.nlayouts];

	if (here.nlayouts == sizeof(here.layout) / sizeof(here.layout[0]) ||
	    strlen(key) >= sizeof(l->key))
		return;
	*l = *answer;
	snprintf(l->key, sizeof(l->key), "%s", key);
	LA_PUBLISH(here.nlayouts, here.nlayouts + 1);
}

/*
 * gdb takes a Ctrl-C for its own, gives the question up, and crash then returns what it also returns
 * for a type that does not exist. So Ctrl-C waits until the answer is kept. One that came earlier, after
 * gdb's last check, still interrupts the next question: so a "no" counts only if gdb says it twice.
 */
static bool ask(const char *key, void (*put_to_gdb)(void *), struct question *q)
{
	sigset_t before;
	bool done;

	if (find_answer(key, &q->answer))
		return q->answer.known;
	la_hold(&before);
	done = guard_run(put_to_gdb, q);
	if (done && !q->answer.known)
		done = guard_run(put_to_gdb, q);
	if (done)
		keep_answer(key, &q->answer);
	la_release(&before);
	if (!done)
		guard_leave();
	return q->answer.known;
}

static void ask_member(void *question)
{
	struct question *q = question;
	char *type = (char *)q->type, *name = (char *)q->name;
	struct layout *l = &q->answer;
	bool anonymous = false;

	l->offset = MEMBER_OFFSET(type, name);
	if (l->offset == INVALID_OFFSET) {
		l->offset = ANON_MEMBER_OFFSET(type, name);
		anonymous = l->offset != INVALID_OFFSET;
	}
	l->size = MEMBER_SIZE(type, name);
	/* A name that gdb does not know it takes for a file's, and that search is slow. */
	if (l->size <= 0 && anonymous)
		l->size = ANON_MEMBER_SIZE(type, name);
	l->known = l->offset != INVALID_OFFSET && l->offset >= 0 && l->size > 0;
}

static void ask_size(void *question)
{
	struct question *q = question;

	q->answer.size = STRUCT_SIZE((char *)q->type);
	q->answer.known = q->answer.size > 0;
}

static void ask_enumerator(void *question)
{
	struct question *q = question;

	q->answer.known = enumerator_value((char *)q->name, &q->answer.size);
}

static bool member(void *ctx, const char *type, const char *name, struct la_member *ret)
{
	struct question q = { .type = type, .name = name };
	char key[160];

	(void)ctx;
	/* gdb would answer for a member of a member. */
	if (!*type || !*name || strchr(type, '.') || strchr(name, '.'))
		return false;
	snprintf(key, sizeof(key), "%s.%s", type, name);
	if (!ask(key, ask_member, &q))
		return false;
	*ret = (struct la_member){ (size_t)q.answer.offset, (size_t)q.answer.size };
	return true;
}

static bool type_size(void *ctx, const char *type, size_t *ret)
{
	struct question q = { .type = type };

	(void)ctx;
	if (!*type || !ask(type, ask_size, &q))
		return false;
	*ret = (size_t)q.answer.size;
	return true;
}

static bool enumerator(void *ctx, const char *name, int64_t *ret)
{
	struct question q = { .name = name };
	char key[160];

	(void)ctx;
	snprintf(key, sizeof(key), "=%s", name);
	if (!ask(key, ask_enumerator, &q))
		return false;
	*ret = q.answer.size;
	return true;
}

static size_t file_bytes(void *ctx, uint64_t address, void *ret, size_t len)
{
	(void)ctx;
	return vmlinux_read(address - here.door.relocation, ret, len);
}

/* crash keeps --machdep (-m) words for the machine-dependent code, which on LoongArch64 reads none. */
static void take_options(void)
{
	memset(&here.overrides, 0, sizeof(here.overrides));
	for (int i = 0; i < MAX_MACHDEP_ARGS && machdep->cmdline_args[i]; i++) {
		struct la_error err = { "" };

		if (la_overrides_parse(machdep->cmdline_args[i], &here.overrides, &err) != LA_OK)
			error(WARNING, "lakvm: --machdep: %s\n", err.text);
	}
}

/* A dump in so many pieces that this does not suffice is read without knowing its RAM. */
#define RAM_MEMORY ((size_t)16 << 20)

static void take_ram(void)
{
	struct la_ram_range *ram;

	if (!here.arena)
		here.arena = la_arena_new(RAM_MEMORY);
	if (here.arena &&
	    la_dump_ram(reader_dump(), false, here.arena, &ram, &here.door.nram, NULL) == LA_OK)
		here.door.ram = ram;
	else
		here.door.nram = 0;
}

const struct la_door *door_open(struct la_error *err)
{
	if (here.open)
		return &here.door;
	if (!pc->namelist) {
		la_fail(err, LA_INVALID, "crash has no vmlinux");
		return NULL;
	}
	if (vmlinux_open(pc->namelist, err) != LA_OK)
		return NULL;
	take_options();
	here.door = (struct la_door){
		.read_phys = read_phys,
		.symbol = symbol,
		.symbol_at = symbol_at,
		.symbol_size = symbol_size,
		.member = member,
		.type_size = type_size,
		.enumerator = enumerator,
		.file_bytes = file_bytes,
		.overrides = &here.overrides,
		.vmlinux = pc->namelist,
		/* crash keeps link minus run-time address */
		.relocation = (uint64_t)0 - kt->relocate,
	};
	if (reader_dump()) {
		la_door_take_notes(reader_dump(), &here.door);
		take_ram();
	}
	LA_PUBLISH(here.open, true);
	return &here.door;
}

void door_set_modules(const struct la_modules *modules)
{
	here.modules = modules;
}

void door_close(void)
{
	here.modules = NULL;
	vmlinux_close();
	la_arena_free(here.arena);
	here.arena = NULL;
	here.open = false;
	here.nlayouts = 0;
}
