// SPDX-License-Identifier: GPL-3.0-or-later
// The guest as the core sees it, opened when it is first needed and kept until lakvm is unloaded.
#include "crash.h"
#include "glue.h"
#include "vmlinux.h"

#include "lakvm/dump/dump.h"
#include "lakvm/stack/lines.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/init.h"
#include "lakvm/stack/unwind.h"
#include "lakvm/stack/cfi.h"

/* For everything that lives as long as the session: CPUs, their stacks, per-CPU offsets. */
#define SESSION_MEMORY ((size_t)64 << 20)

static struct {
	struct la_arena *arena;
	struct la_kernel kernel;
	bool kernel_open;
	struct la_regs_text text; /* saved registers; n is 0: there are none */
	struct la_sections sections;
	bool sections_tried;
	struct la_error no_sections; /* why they are not known; empty: they are */
	struct la_cpus cpus;
	bool cpus_known;
	char refused
		[200]; /* why nothing of the kernel can be right in this session; empty: it can */
} session;

/* lacrash's word about a dump that laconvert made: the registers are beside it. Or a person's. */
static void hear_registers(void)
{
	const char *path = getenv("LAKVM_REGISTERS");

	if (path && *path && command_registers(session.arena, path, &session.text))
		la_kernel_use_registers(&session.kernel, session.text.vcpu, session.text.n);
}

struct la_kernel *session_kernel(struct la_error *err)
{
	const struct la_door *door;

	if (session.kernel_open)
		return &session.kernel;
	if (session.refused[0]) {
		la_fail(err, LA_INVALID, "%s", session.refused);
		return NULL;
	}
	door = door_open(err);
	if (!door)
		return NULL;
	if (!session.arena && !(session.arena = la_arena_new(SESSION_MEMORY))) {
		la_fail(err, LA_NOMEM, "session");
		return NULL;
	}
	if (la_kernel_init(&session.kernel, door, session.arena, err) != LA_OK)
		return NULL;
	hear_registers();
	/* Without call-frame information frames are found by following the code; they say so. */
	la_cfi_open(&session.kernel, NULL);
	session.kernel_open = true;
	return &session.kernel;
}

const struct la_sections *session_sections_known(void)
{
	struct la_kernel *kernel = session_kernel(NULL);

	if (!kernel)
		return NULL;
	if (!session.sections_tried) {
		session.sections_tried = true;
		la_sections_init(&session.sections, kernel, &session.no_sections);
	}
	return &session.sections;
}

const struct la_sections *session_sections(struct la_error *err)
{
	const struct la_sections *s = session_sections_known();

	if (!s || session.no_sections.text[0]) {
		la_fail(err, LA_ABSENT, "%s", s ? session.no_sections.text : session.refused);
		return NULL;
	}
	return s;
}

const struct la_cpus *session_cpus(struct la_error *err)
{
	struct la_kernel *kernel = session_kernel(err);

	if (!kernel)
		return NULL;
	if (!session.cpus_known) {
		if ((!session.text.n ||
		     la_cpus_analyse_text(kernel, session.arena, session.text.vcpu, session.text.n,
					  &session.cpus, err) != LA_OK) &&
		    la_cpus_analyse(kernel, session.arena, &session.cpus, err) != LA_OK)
			return NULL;
		la_cpus_add_remark(session.arena, &session.cpus, session.text.remark);
		session.cpus_known = true;
	}
	return &session.cpus;
}

const struct la_regs *session_registers(uint64_t task)
{
	const struct la_cpus *cpus = session.text.n ? session_cpus(NULL) : NULL;

	for (size_t i = 0; cpus && i < cpus->n; i++)
		if (cpus->cpu[i].task.address == task)
			return &cpus->cpu[i].regs;
	return NULL;
}

bool session_lines(struct la_error *err)
{
	struct la_kernel *kernel = session_kernel(err);

	return kernel && (kernel->lines || la_lines_open(kernel, err) == LA_OK);
}

void session_close(void)
{
	if (session.kernel_open) {
		la_cfi_close(&session.kernel);
		la_lines_close(&session.kernel);
	}
	door_close();
	la_arena_free(session.arena);
	memset(&session, 0, sizeof(session));
}

/* For finding the offset: return addresses, VMCOREINFO. */
#define SEARCH_MEMORY ((size_t)8 << 20)

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

static bool matches_vmlinux(const struct la_door *door, struct la_arena *arena, char *ret,
			    size_t size)
{
	struct la_relocation found;
	struct la_error err = { "" };
	enum la_status status;

	status = la_relocation_find(door, door->ram, door->nram, NULL, 0, arena, &found, &err);
	if (status == LA_OK && found.offset == door->relocation)
		return true;
	if (status == LA_OK && found.offset)
		snprintf(session.refused, sizeof(session.refused),
			 "the kernel in this dump moved itself by %#lx: start again with --kaslr=%#lx (lacrash does so by itself)",
			 (ulong)found.offset, (ulong)found.offset);
	else if (status == LA_OK)
		snprintf(
			session.refused, sizeof(session.refused),
			"the kernel in this dump runs where it was linked: start again without --kaslr");
	if (status == LA_OK)
		snprintf(ret, size, "%s", session.refused);
	else if (found.remark[0])
		explain_mismatch(door, &found, ret, size);
	else
		snprintf(ret, size, "%s: %s", pc->namelist, err.text);
	return false;
}

bool session_matches_vmlinux(char *ret, size_t size)
{
	struct la_error err = { "" };
	const struct la_door *door = door_open(&err);
	struct la_arena *arena = la_arena_new(SEARCH_MEMORY);
	bool matches = false;

	if (door && arena)
		matches = matches_vmlinux(door, arena, ret, size);
	else
		snprintf(ret, size, "%s", door ? "out of memory" : err.text);
	la_arena_free(arena);
	return matches;
}
