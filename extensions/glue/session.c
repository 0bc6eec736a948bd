// SPDX-License-Identifier: GPL-3.0-or-later
// The guest as the core sees it, opened when it is first needed and kept until lakvm is unloaded.
#include "crash.h"
#include "glue.h"
#include "vmlinux.h"

#include "lakvm/unwind.h"

/* For everything that lives as long as the session: CPUs, their stacks, per-CPU offsets. */
#define SESSION_MEMORY ((size_t)64 << 20)

static struct {
	struct la_arena *arena;
	struct la_kernel kernel;
	bool kernel_open;
	struct la_cpus cpus;
	bool cpus_known;
} session;

struct la_kernel *session_kernel(struct la_error *err)
{
	const struct la_door *door;

	if (session.kernel_open)
		return &session.kernel;
	door = door_open(err);
	if (!door)
		return NULL;
	if (!session.arena && !(session.arena = la_arena_new(SESSION_MEMORY))) {
		la_fail(err, LA_NOMEM, "session");
		return NULL;
	}
	if (la_kernel_init(&session.kernel, door, session.arena, err) != LA_OK)
		return NULL;
	/* Without call-frame information frames are found by following the code; they say so. */
	la_cfi_open(&session.kernel, NULL);
	session.kernel_open = true;
	return &session.kernel;
}

const struct la_cpus *session_cpus(struct la_error *err)
{
	struct la_kernel *kernel = session_kernel(err);

	if (!kernel)
		return NULL;
	if (!session.cpus_known) {
		if (la_cpus_analyse(kernel, session.arena, &session.cpus, err) != LA_OK)
			return NULL;
		session.cpus_known = true;
	}
	return &session.cpus;
}

void session_close(void)
{
	if (session.kernel_open)
		la_cfi_close(&session.kernel);
	door_close();
	la_arena_free(session.arena);
	memset(&session, 0, sizeof(session));
}

#define MISMATCH "vmlinux and dump do not belong together"

bool session_matches_vmlinux(char *ret, size_t size)
{
	char file[512] = "", guest[512] = "";
	struct la_kernel *kernel;
	struct la_error err = { "" };
	uint64_t banner;
	size_t n;

	kernel = session_kernel(&err);
	if (!kernel) {
		snprintf(ret, size, "%s", err.text);
		return false;
	}
	if (!kernel->door->symbol(kernel->door->ctx, "linux_banner", &banner)) {
		snprintf(ret, size, "%s has no linux_banner", pc->namelist);
		return false;
	}
	n = vmlinux_read(banner - kernel->door->relocation, file, sizeof(file) - 1);
	n = strnlen(file, n);
	if (!n) {
		snprintf(ret, size, "%s has no text at linux_banner", pc->namelist);
		return false;
	}
	la_error_clear(&err);
	if (la_read(kernel, banner, guest, n, &err) != LA_OK) {
		snprintf(ret, size, "the dump does not hold linux_banner: %s", err.text);
		return false;
	}
	if (!memcmp(file, guest, n))
		return true;
	file[strcspn(file, "\n")] = '\0';
	guest[strcspn(guest, "\n")] = '\0';
	if (strncmp(guest, "Linux version", 13))
		snprintf(ret, size,
			 MISMATCH ": no banner where %s has \"%.100s\"; another kernel, or one that was relocated (--kaslr=)",
			 pc->namelist, file);
	else
		snprintf(ret, size, MISMATCH ": %s is \"%.100s\", the dump has \"%.100s\"", pc->namelist,
			 file, guest);
	return false;
}
