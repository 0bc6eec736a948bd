// SPDX-License-Identifier: GPL-3.0-or-later
// The guest as the core sees it, opened when it is first needed and kept until lakvm is unloaded.
#include "crash.h"
#include "glue.h"
#include "vmlinux.h"

#include "lakvm/base/escape.h"
#include "lakvm/base/jump.h"
#include "lakvm/dump/dump.h"
#include "lakvm/stack/lines.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/init.h"
#include "lakvm/guest/modules.h"
#include "lakvm/triage/other.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/stack/cfi.h"

/* For everything that lives as long as the session: CPUs, their stacks, per-CPU offsets. */
#define SESSION_MEMORY ((size_t)64 << 20)

static struct {
	struct la_arena *arena; /* of the kernel and the text */
	struct la_arena *cpus_arena;
	struct la_kernel kernel;
	bool kernel_open;
	struct la_modules modules; /* where crash knows none */
	struct la_regs_text text;  /* saved registers; n is 0: there are none */
	struct la_sections sections;
	bool sections_known;         /* or why they are not */
	struct la_error no_sections; /* why they are not known; empty: they are */
	struct la_cpus cpus;
	bool cpus_known;
	struct la_host host;        /* of LAKVM_HOST */
	struct la_relocation place; /* where the kernel is, and what others are in memory */
	/* Why nothing of the kernel can be right in this session; empty: it can. */
	char refused[200];
	bool misfit; /* vmlinux and dump do not belong together */
} here;

/* lacrash sets it for a dump that laconvert made, whose registers are beside it; a person may, too. */
static void take_registers(void)
{
	const char *path = getenv("LAKVM_REGISTERS");

	if (path && *path && command_registers(here.arena, path, &here.text))
		la_kernel_use_registers(&here.kernel, here.text.vcpu, here.text.n);
}

/* lacrash names the folder of lavirsh-dump that the dump is from. */
static void take_host(void)
{
	const char *path = getenv("LAKVM_HOST");
	struct la_error err = { "" };
	char printable[1024];

	if (!path || !*path)
		return;
	if (la_host_read(here.arena, path, &here.host, &err) == LA_OK)
		here.kernel.host = &here.host;
	if (!here.kernel.host || here.host.remark) {
		la_text_escape(here.kernel.host ? here.host.remark : err.text, false, printable,
			       sizeof(printable));
		error(INFO, "%s\n", printable);
	}
}

void session_host_texts(const char *ret[LA_HOST_TEXTS])
{
	memcpy(ret, here.host.text, sizeof(here.host.text));
}

/*
 * crash knows no BPF programs. One older than the kernel may find no modules either, as 9.0.2 in 7.1 (its layout of their
 * kallsyms).
 */
static void take_modules(void)
{
	here.modules = (struct la_modules){ .n = 0 };
	if ((st->mods_installed ? la_bpf_read : la_modules_read)(&here.kernel, here.arena,
								 &here.modules, NULL) == LA_OK)
		door_set_modules(&here.modules);
}

struct la_kernel *session_kernel(struct la_error *err)
{
	const struct la_door *door;

	if (here.kernel_open)
		return &here.kernel;
	if (here.refused[0]) {
		la_fail(err, LA_INVALID, "%s", here.refused);
		return NULL;
	}
	door = door_open(err);
	if (!door)
		return NULL;
	door_set_modules(NULL); /* of a start that was cut short, as below */
	if (!arena_renew(&here.arena, SESSION_MEMORY)) {
		la_fail(err, LA_NOMEM, "session");
		return NULL;
	}
	la_cfi_close(&here.kernel);
	if (la_kernel_init(&here.kernel, door, here.arena, err) != LA_OK)
		return NULL;
	here.kernel.place = &here.place;
	here.text = (struct la_regs_text){ .n = 0 };
	take_registers();
	take_host();
	/* Without call-frame information frames are found by following the code; they say so. */
	la_cfi_open(&here.kernel, NULL);
	la_vectors_open(&here.kernel, here.arena);
	take_modules();
	LA_PUBLISH(here.kernel_open, true);
	return &here.kernel;
}

const struct la_sections *session_sections_known(void)
{
	struct la_kernel *kernel = session_kernel(NULL);

	if (!kernel)
		return NULL;
	if (!here.sections_known) {
		here.no_sections.text[0] = '\0';
		la_sections_init(&here.sections, kernel, &here.no_sections);
		LA_PUBLISH(here.sections_known, true);
	}
	return &here.sections;
}

const struct la_sections *session_sections(struct la_error *err)
{
	const struct la_sections *s = session_sections_known();

	if (!s || here.no_sections.text[0]) {
		la_fail(err, LA_ABSENT, "%s", s ? here.no_sections.text : here.refused);
		return NULL;
	}
	return s;
}

/* In an arena of their own: each time this is cut short, all of it is made again. */
static bool analyse_cpus(struct la_kernel *kernel, struct la_error *err)
{
	struct la_arena *arena = arena_renew(&here.cpus_arena, SESSION_MEMORY);

	if (!arena) {
		la_fail(err, LA_NOMEM, "vCPUs");
		return false;
	}
	if ((!here.text.n || la_cpus_analyse_text(kernel, arena, here.text.vcpu, here.text.n,
						  &here.cpus, err) != LA_OK) &&
	    la_cpus_analyse(kernel, arena, &here.cpus, err) != LA_OK)
		return false;
	la_cpus_add_remark(arena, &here.cpus, here.text.remark);
	return true;
}

const struct la_cpus *session_cpus(struct la_error *err)
{
	struct la_kernel *kernel = session_kernel(err);

	if (!kernel)
		return NULL;
	if (!here.cpus_known) {
		if (!analyse_cpus(kernel, err))
			return NULL;
		LA_PUBLISH(here.cpus_known, true);
	}
	return &here.cpus;
}

const struct la_regs *session_registers(uint64_t task)
{
	const struct la_cpus *cpus = here.text.n ? session_cpus(NULL) : NULL;

	for (size_t i = 0; cpus && i < cpus->n; i++)
		if (cpus->cpu[i].task.address == task)
			return &cpus->cpu[i].regs;
	return NULL;
}

enum la_status session_lines(struct la_error *err)
{
	struct la_kernel *kernel = session_kernel(err);

	if (!kernel)
		return LA_ABSENT;
	return kernel->lines ? LA_OK : la_lines_open(kernel, err);
}

void session_close(void)
{
	la_cfi_close(&here.kernel);
	la_lines_close(&here.kernel);
	door_close();
	arena_renew(&here.cpus_arena, 0);
	arena_renew(&here.arena, 0);
	memset(&here, 0, sizeof(here));
}

/* Why the dump does not hold the kernel of this vmlinux, in the dump's own words where it has any. */
static void explain_mismatch(const struct la_door *door, const struct la_relocation *found,
			     char *ret, size_t size)
{
	char file[256] = "", guest[256] = "";
	uint64_t banner;
	size_t n;

	n = snprintf(ret, size, "vmlinux and dump do not belong together: %s", found->remark);
	for (size_t i = 0; i < found->n && n < size; i++)
		n += snprintf(ret + n, size - n, "%s%s says %#lx", i ? ", " : " (",
			      la_relocation_way_name(found->finding[i].way),
			      (ulong)found->finding[i].offset);
	if (found->n && n < size)
		n += snprintf(ret + n, size - n, ")");
	if (n >= size || !door->symbol(door->ctx, "linux_banner", &banner))
		return;
	banner -= door->relocation;
	vmlinux_read(banner, file, sizeof(file) - 1);
	file[strcspn(file, "\n")] = '\0';
	if (door->read_phys(door->ctx, banner & ((UINT64_C(1) << 48) - 1), guest,
			    sizeof(guest) - 1) != LA_OK ||
	    strncmp(guest, "Linux version", 13))
		return;
	guest[strcspn(guest, "\n")] = '\0';
	if (strcmp(file, guest))
		snprintf(ret + n, size - n, "; %s is \"%.100s\", the dump has \"%.100s\"",
			 pc->namelist, file, guest);
}

static void tell_search(void *told, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	if (!*(bool *)told)
		please_wait("searching RAM for the kernel");
	*(bool *)told = true;
}

/* Saved registers tell which of several kernels runs; those of another boot would only disagree. */
static enum la_status find_place(const struct la_door *door,
				 const struct la_relocation_search *where, struct la_arena *arena,
				 struct la_relocation *ret, struct la_error *err)
{
	const char *path = getenv("LAKVM_REGISTERS");
	struct la_regs_text text;

	if (path && *path && la_regs_text_read(arena, path, &text, NULL) == LA_OK &&
	    la_relocation_find(door, where, text.vcpu, text.n, arena, ret, NULL) == LA_OK)
		return LA_OK;
	return la_relocation_find(door, where, NULL, 0, arena, ret, err);
}

static bool matches_vmlinux(const struct la_door *door, struct la_arena *arena, char *ret,
			    size_t size)
{
	bool told = false;
	const struct la_relocation_search where = {
		.ram = door->ram, .nram = door->nram, .progress = tell_search, .ctx = &told
	};
	struct la_relocation found;
	struct la_error err = { "" };
	enum la_status status;

	status = find_place(door, &where, arena, &found, &err);
	if (told)
		please_wait_done();
	/* --kaslr= chooses one of several kernels. */
	if (la_relocation_take(&found, door->relocation)) {
		here.place = found;
		return true;
	}
	if (status == LA_OK && found.offset)
		snprintf(here.refused, sizeof(here.refused),
			 "the kernel in this dump moved itself by %#lx: start again with --kaslr=%#lx (lacrash does so by itself)",
			 (ulong)found.offset, (ulong)found.offset);
	else if (status == LA_OK)
		snprintf(
			here.refused, sizeof(here.refused),
			"the kernel in this dump runs where it was linked: start again without --kaslr");
	if (status == LA_OK)
		snprintf(ret, size, "%s", here.refused);
	else if (found.remark[0])
		explain_mismatch(door, &found, ret, size);
	else
		snprintf(ret, size, "%s: %s", pc->namelist, err.text);
	here.misfit = status != LA_OK;
	return false;
}

bool session_matches_vmlinux(char *ret, size_t size)
{
	struct la_error err = { "" };
	const struct la_door *door = door_open(&err);
	struct la_arena *arena = command_memory();
	bool matches = false;

	if (door && arena)
		matches = matches_vmlinux(door, arena, ret, size);
	else
		snprintf(ret, size, "%s", door ? "out of memory" : err.text);
	command_memory_free();
	return matches;
}

bool session_misfits(void)
{
	return here.misfit;
}

static void say_others(void *unused)
{
	struct la_kernel *kernel = session_kernel(NULL);
	struct la_arena *arena = here.place.nothers ? command_memory() : NULL;
	char printable[1024];

	(void)unused;
	for (size_t i = 0; kernel && arena && i < here.place.nothers; i++) {
		const char *text = la_other_kernel_text(kernel->door, &here.place.other[i], arena);

		if (!text)
			continue;
		la_text_escape(text, false, printable, sizeof(printable));
		error(NOTE, "lakvm: %s\n", printable);
	}
}

void session_say_others(void)
{
	guard_run(say_others, NULL);
	command_memory_free();
}
