// SPDX-License-Identifier: GPL-3.0-or-later
// The vmlinux of a dump: where distributions put those with debugging information, and which of them is the kernel's.
#include "vmlinux.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kept.h"
#include "lakvm/door/elf_file.h"
#include "lakvm/door/vmcoreinfo_door.h"
#include "lakvm/dump/dump.h"
#include "lakvm/guest/build_id.h"
#include "lakvm/guest/mmu.h"
#include "unpack.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Both builds before the name, which may be long. */
#define OTHER_BUILD "build-id %s is not the dump's %s, kernel %s: %s"
#define RELEASE(identity) ((identity)->release ? (identity)->release : "of unknown release")

static int open_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static bool is_program(const Elf64_Ehdr *header)
{
	return !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	       header->e_ident[EI_DATA] == ELFDATA2LSB &&
	       (header->e_type == ET_EXEC || header->e_type == ET_DYN);
}

bool vmlinux_is(const char *path)
{
	Elf64_Ehdr header = { .e_type = ET_NONE };
	const char *program;
	bool packed;
	int fd;

	if (la_elf_is_program(path))
		return true;
	fd = open_file(path);
	if (fd < 0)
		return false;
	program = unpack_program(fd);
	packed = program &&
		 unpack_head(program, fd, &header, sizeof(header), NULL) == sizeof(header) &&
		 is_program(&header);
	close(fd);
	return packed;
}

enum la_status vmlinux_unpacked(const char *path, struct la_arena *arena, const char **ret,
				struct la_error *err)
{
	enum la_status status = LA_OK;
	const char *program;
	const int fd = open_file(path);

	*ret = path;
	if (fd < 0)
		return la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	program = unpack_program(fd);
	if (program)
		status = kept_unpacked(path, fd, program, arena, ret, err);
	close(fd);
	return status;
}

static enum la_status identify(struct la_dump *dump, bool all, struct la_arena *arena,
			       struct la_kernel_identity *ret, struct la_error *err)
{
	struct la_vmcoreinfo_door door;
	struct la_ram_range *ram;
	size_t nram;
	enum la_status status = la_dump_ram(dump, false, arena, &ram, &nram, err);

	if (status != LA_OK)
		return status;
	la_vmcoreinfo_door_init(&door, dump);
	return la_kernel_identity_find(&door.door, ram, nram, all, arena, ret, err);
}

/* The build-id for a person; where nobody says it, those of which one is the kernel's. */
static const char *build_of(const struct la_kernel_identity *k, struct la_arena *arena)
{
	char one[2 * sizeof(k->id->byte) + 1], two[sizeof(one)] = "";
	const char *said;

	la_build_id_text(&k->id[0], one);
	if (k->said || k->n == 1)
		said = la_format(arena, "%s", one);
	else if (k->n > 2)
		said = la_format(arena, "(one of %zu in memory)", k->n);
	else {
		la_build_id_text(&k->id[1], two);
		said = la_format(arena, "%s or %s", one, two);
	}
	return said ? said : "(out of memory)";
}

struct search {
	struct la_kernel_identity kernel;
	struct la_arena *arena;
	const char *found;
	/* Why the first that could have been it is not. */
	enum la_status status;
	struct la_error why;
};

static void reject(struct search *s, enum la_status status, const char *path, const char *why)
{
	if (s->status == LA_OK)
		s->status = la_fail(&s->why, status, "%s: %s", path, why);
}

/* Is the file that is there, unpacked, the kernel's? */
static bool take(struct search *s, const char *path)
{
	const char *place;
	struct la_error err = { "" };
	struct la_elf_file *file;
	struct la_build_id id;
	enum la_status status = vmlinux_unpacked(path, s->arena, &place, &err);
	char build[2 * sizeof(id.byte) + 1];

	if (status != LA_OK || la_elf_file_open(&file, place, &err) != LA_OK) {
		if (s->status == LA_OK)
			s->status = la_fail(&s->why, LA_ABSENT, "%s", err.text);
		return false;
	}
	if (!la_elf_file_build_id(file, &id, NULL)) {
		reject(s, LA_ABSENT, path, "it has no build-id");
	} else if (!la_kernel_identity_has(&s->kernel, &id)) {
		la_build_id_text(&id, build);
		if (s->status == LA_OK)
			s->status =
				la_fail(&s->why, LA_INVALID, OTHER_BUILD, build,
					build_of(&s->kernel, s->arena), RELEASE(&s->kernel), path);
	} else {
		status = la_elf_file_is_kernel(file, &err);
		/* debugging information of the vDSO or of a program, whose build-id is in memory too */
		if (status == LA_OK)
			s->found = place;
		else if (status != LA_UNSUPPORTED)
			reject(s, LA_ABSENT, path, err.text);
	}
	la_elf_file_close(file);
	return s->found;
}

/* @path as it is and packed. */
static bool try(struct search *s, const char *path)
{
	static const char *const ends[] = { "", ".xz", ".zst", ".gz" };

	for (size_t i = 0; path && i < LENGTH(ends); i++) {
		const char *whole = la_format(s->arena, "%s%s", path, ends[i]);

		if (whole && access(whole, R_OK) == 0 && take(s, whole))
			return true;
	}
	return false;
}

static bool try_build_ids(struct search *s, const char *folder)
{
	static const char *const ends[] = { ".debug", "" };
	char text[2 * sizeof(s->kernel.id->byte) + 1];
	const char *store = la_format(s->arena, "%s/.build-id", folder);

	if (!store || access(store, X_OK) != 0)
		return false;
	for (size_t i = 0; i < s->kernel.n; i++) {
		la_build_id_text(&s->kernel.id[i], text);
		for (size_t e = 0; e < LENGTH(ends); e++)
			if (try(s, la_format(s->arena, "%s/%.2s/%s%s", store, text, text + 2,
					     ends[e])))
				return true;
	}
	return false;
}

/* The guest says its release: it must not lead out of the folder. */
static bool is_plain(const char *release)
{
	return release && release[0] && release[0] != '.' && strlen(release) < 128 &&
	       release[strspn(release, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789._+~-")] == '\0';
}

static bool try_releases(struct search *s, const char *folder, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (try(s, la_format(s->arena, "%s%s%s%s", folder, names[2 * i], s->kernel.release,
				     names[2 * i + 1])))
			return true;
	return false;
}

static bool try_folder(struct search *s, const char *folder)
{
	/* what stands before and behind the release */
	static const char *const names[] = {
		"/lib/modules/",     "/vmlinux", /* Fedora and its kin */
		"/usr/lib/modules/", "/vmlinux", /* where /lib is a link */
		"/boot/vmlinux-",    "",         /* Debian */
		"/vmlinux-",         "",
	};

	return try_build_ids(s, folder) ||
	       (is_plain(s->kernel.release) && try_releases(s, folder, names, LENGTH(names) / 2)) ||
	       try(s, la_format(s->arena, "%s/vmlinux", folder));
}

static bool try_folders(struct search *s, const char *folders)
{
	while (folders && *folders) {
		const size_t n = strcspn(folders, ":");
		const char *folder = la_strndup(s->arena, folders, n);

		if (n && folder && try_folder(s, folder))
			return true;
		folders += n + (folders[n] == ':');
	}
	return false;
}

static bool try_beside(struct search *s, const char *dump_path)
{
	const char *slash = strrchr(dump_path, '/');

	if (!slash)
		return try_folder(s, ".");
	return try_folder(s, slash == dump_path ?
				     "/" :
				     la_strndup(s->arena, dump_path, (size_t)(slash - dump_path)));
}

/* Of a machine with this very kernel, as one that its own kdump has written a dump on. */
static bool try_installed(struct search *s)
{
	static const char *const names[] = {
		"/lib/modules/", "/build/vmlinux", "/lib/modules/",
		"/vmlinux",      "/boot/vmlinux-", "",
	};

	return is_plain(s->kernel.release) && try_releases(s, "", names, LENGTH(names) / 2);
}

enum la_status vmlinux_find(struct la_dump *dump, const char *dump_path, const char *folders,
			    struct la_arena *arena, const char **ret, struct la_error *err)
{
	struct search s = { .arena = arena };
	enum la_status status = identify(dump, false, arena, &s.kernel, err);

	if (status != LA_OK)
		return la_fail(err, status, "name the vmlinux: none can be looked for");
	if (try_folders(&s, folders) || try_folders(&s, getenv("LAKVM_DEBUG_PATH")) ||
	    try_beside(&s, dump_path) || try_folder(&s, "/usr/lib/debug") || try_installed(&s)) {
		*ret = s.found;
		return LA_OK;
	}
	return s.status != LA_OK ?
		       la_fail(err, s.status, "no vmlinux for it: %s", s.why.text) :
		       la_fail(err, LA_ABSENT,
			       "no vmlinux of build-id %s, kernel %s: install its debuginfo, name it, or name its folder in LAKVM_DEBUG_PATH",
			       build_of(&s.kernel, arena), RELEASE(&s.kernel));
}

/* Does the kernel in memory have this file's build-id where the file has it? */
static bool same_in_memory(const struct la_door *door, const struct la_build_id *id,
			   uint64_t address)
{
	uint8_t here[sizeof(id->byte)];

	return door->read_phys(door->ctx, (address + door->relocation) & LA_PHYS_MASK, here,
			       id->size) == LA_OK &&
	       !memcmp(here, id->byte, id->size);
}

bool vmlinux_fits(const char *path, const struct la_door *door, struct la_dump *dump,
		  struct la_arena *arena, struct la_error *err)
{
	struct la_kernel_identity kernel;
	struct la_elf_file *file;
	struct la_build_id id;
	uint64_t address;
	bool has;
	char build[2 * sizeof(id.byte) + 1];

	if (la_elf_file_open(&file, path, NULL) != LA_OK)
		return true;
	has = la_elf_file_build_id(file, &id, &address);
	la_elf_file_close(file);
	if (!has || same_in_memory(door, &id, address) ||
	    identify(dump, true, arena, &kernel, NULL) != LA_OK || !kernel.said ||
	    la_kernel_identity_has(&kernel, &id))
		return true;
	la_build_id_text(&id, build);
	la_fail(err, LA_INVALID, OTHER_BUILD, build, build_of(&kernel, arena), RELEASE(&kernel),
		path);
	return false;
}
