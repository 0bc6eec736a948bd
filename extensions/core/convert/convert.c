// SPDX-License-Identifier: GPL-3.0-or-later
// A migration stream's sections: what comes before the RAM and the RAM itself, in order; then the
// rest, which describes itself.
#include "core_file.h"
#include "ram.h"
#include "stream.h"
#include "vcpus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define STREAM_VERSION 3
#define RAM_VERSION 4
/* All devices of 256 vCPUs, with their TLBs and the description, make 17 MB. */
#define MAX_TAIL ((size_t)64 << 20)

#define LIBVIRT_HEADER 92
#define LIBVIRT_MAGIC 16

static const struct {
	enum la_packer packer;
	const char *magic;
	size_t size;
	const char *program;
} packers[] = {
	{ LA_PACKER_NONE, "QEVM", 4, NULL },
	{ LA_PACKER_GZIP, "\x1f\x8b", 2, "gzip" },
	{ LA_PACKER_BZIP2, "BZh", 3, "bzip2" },
	{ LA_PACKER_XZ,
	  "\xfd"
	  "7zXZ",
	  6, "xz" },
	{ LA_PACKER_LZOP, "\x89LZO", 5, "lzop" },
	{ LA_PACKER_ZSTD, "\x28\xb5\x2f\xfd", 4, "zstd" },
};
#define NPACKERS (sizeof(packers) / sizeof(packers[0]))

const char *la_packer_program(enum la_packer packer)
{
	for (size_t i = 0; i < NPACKERS; i++)
		if (packers[i].packer == packer)
			return packers[i].program;
	return NULL;
}

/* struct _virQEMUSaveHeader: magic, version, length of what follows it, ... in the host's order. */
static enum la_status libvirt_header(const uint8_t *head, size_t n, uint64_t *ret,
				     struct la_error *err)
{
	uint32_t version;

	if (n < LIBVIRT_HEADER)
		return la_fail(err, LA_TRUNCATED, "the file ends inside libvirt's header");
	version = la_le32(head + LIBVIRT_MAGIC);
	if (!version || version > 2)
		return la_fail(err, LA_CORRUPT, "libvirt's header: version 0x%x", version);
	*ret = LIBVIRT_HEADER + (uint64_t)la_le32(head + LIBVIRT_MAGIC + 4);
	return LA_OK;
}

/* "Part" until the save is complete; whether it is shows in the stream. The file may end in it. */
static bool is_libvirt(const uint8_t *head, size_t n)
{
	const size_t known = n < LIBVIRT_MAGIC ? n : LIBVIRT_MAGIC;

	return n >= strlen("LibvirtQemud") && (!memcmp(head, "LibvirtQemudSave", known) ||
					       !memcmp(head, "LibvirtQemudPart", known));
}

enum la_status la_saved_find(int fd, struct la_saved *ret, struct la_error *err)
{
	uint8_t head[LIBVIRT_HEADER];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	enum la_status status;

	*ret = (struct la_saved){ .start = 0 };
	if (n < 0)
		return la_fail(err, LA_IO, "%s", strerror(errno));
	if (is_libvirt(head, (size_t)n)) {
		ret->libvirt = true;
		status = libvirt_header(head, (size_t)n, &ret->start, err);
		if (status != LA_OK)
			return status;
		n = pread(fd, head, sizeof(head), (off_t)ret->start);
		if (n < 0)
			return la_fail(err, LA_IO, "%s", strerror(errno));
	}
	for (size_t i = 0; i < NPACKERS; i++) {
		if (n >= (ssize_t)packers[i].size &&
		    !memcmp(head, packers[i].magic, packers[i].size)) {
			ret->packer = packers[i].packer;
			return LA_OK;
		}
	}
	if (ret->libvirt)
		return la_fail(err, n > 0 ? LA_CORRUPT : LA_TRUNCATED,
			       "no stream behind libvirt's header, at 0x%" PRIx64, ret->start);
	return la_fail(err, LA_ABSENT, "neither a migration stream nor a save file of libvirt's");
}

struct loader {
	struct la_stream s;
	struct la_saved_ram ram;
	char machine[256];
};

/* vmstate_configuration in savevm.c: the machine's name, and subsections as far as needed. */
static enum la_status configuration(struct loader *l)
{
	struct la_stream *s = &l->s;
	uint64_t n = la_stream_be(s, 4), count;
	const uint8_t *data = n < sizeof(l->machine) ? la_stream_take(s, n) : NULL;
	char name[256];
	size_t got;

	if (s->status != LA_OK)
		return s->status;
	if (!data)
		return la_stream_fail(s, LA_CORRUPT, "a machine name of %" PRIu64 " bytes", n);
	for (size_t i = 0; i < n; i++)
		l->machine[i] = data[i] > ' ' && data[i] <= '~' ? (char)data[i] : '?';
	while (*la_stream_peek(s, 1, &got) == LA_VM_SUBSECTION && got) {
		la_stream_take(s, 1);
		if (!la_stream_name(s, name))
			return s->status;
		la_stream_be(s, 4);
		if (!strcmp(name, "configuration/target-page-bits")) {
			la_stream_be(s, 4); /* the pages themselves tell */
		} else if (!strcmp(name, "configuration/uuid")) {
			la_stream_take(s, 16);
		} else if (!strcmp(name, "configuration/capabilities")) {
			for (count = la_stream_be(s, 4); count && s->status == LA_OK; count--) {
				if (!la_stream_name(s, name))
					return s->status;
				if (!strcmp(name, "mapped-ram"))
					l->ram.mapped = true;
				else
					la_stream_fail(s, LA_UNSUPPORTED, "capability %s", name);
			}
		} else {
			return la_stream_fail(s, LA_UNSUPPORTED, "\"%s\" does not tell its length",
					      name);
		}
	}
	return s->status;
}

/* enum qemu_vm_cmd in savevm.c: those of postcopy and COLO mean that more than a file is needed. */
static enum la_status command(struct la_stream *s)
{
	uint64_t number = la_stream_be(s, 2), size = la_stream_be(s, 2);

	if ((number >= 3 && number <= 10) && s->status == LA_OK)
		return la_stream_fail(s, LA_UNSUPPORTED,
				      "a stream of postcopy or COLO (command %" PRIu64 ")", number);
	la_stream_take(s, size);
	return s->status;
}

/* Sections up to the one that ends the RAM. */
static enum la_status read_ram(struct loader *l)
{
	struct la_stream *s = &l->s;
	uint64_t ram_id = 0, id, version;
	char name[256];

	while (s->status == LA_OK) {
		unsigned type = (unsigned)la_stream_be(s, 1);

		if (s->status != LA_OK)
			break;
		switch (type) {
		case LA_VM_CONFIGURATION:
			configuration(l);
			continue;
		case LA_VM_COMMAND:
			command(s);
			continue;
		case LA_VM_START:
		case LA_VM_FULL:
			id = la_stream_be(s, 4);
			if (!la_stream_name(s, name))
				return s->status;
			la_stream_be(s, 4);
			version = la_stream_be(s, 4);
			if (type != LA_VM_START || strcmp(name, "ram"))
				return la_stream_fail(
					s, LA_UNSUPPORTED,
					"section \"%s\" before the end of RAM does not tell its length",
					name);
			if (s->status == LA_OK && version != RAM_VERSION)
				return la_stream_fail(s, LA_UNSUPPORTED, "RAM of version %" PRIu64,
						      version);
			ram_id = id;
			break;
		case LA_VM_PART:
		case LA_VM_END:
			id = la_stream_be(s, 4);
			if (s->status == LA_OK && (!l->ram.blocks || id != ram_id))
				return la_stream_fail(s, LA_CORRUPT,
						      "section %" PRIu64
						      ", which was never started",
						      id);
			break;
		case LA_VM_EOF:
			return la_stream_fail(s, LA_TRUNCATED, "the stream ends here");
		default:
			return la_stream_fail(s, LA_CORRUPT, "no section begins with 0x%02x", type);
		}
		if (la_ram_section(s, &l->ram) != LA_OK)
			return s->status;
		if (la_stream_be(s, 1) != LA_VM_FOOTER || la_stream_be(s, 4) != ram_id)
			return la_stream_fail(s, LA_CORRUPT, "the section's end mark is missing");
		if (type == LA_VM_END)
			return l->ram.blocks ?
				       LA_OK :
				       la_stream_fail(s, LA_CORRUPT, "no list of memory blocks");
	}
	return s->status;
}

/* All the rest, into memory. */
static enum la_status read_tail(struct la_stream *s, struct la_arena *arena, const uint8_t **ret,
				size_t *ret_n, struct la_error *err)
{
	size_t n = 0, room = 0, got;
	uint8_t *tail = NULL;

	for (;;) {
		const uint8_t *data = la_stream_peek(s, LA_STREAM_BUFFER, &got);

		if (!got || s->status != LA_OK)
			break;
		if (n + got > MAX_TAIL)
			return la_fail(err, LA_UNSUPPORTED,
				       "the devices' state is larger than %zu MiB", MAX_TAIL >> 20);
		if (n + got > room) {
			room = 2 * (n + got);
			tail = la_regrow(arena, tail, n, room, 1);
			if (!tail)
				return la_fail(err, LA_NOMEM, "the devices' state");
		}
		memcpy(tail + n, data, got);
		n += got;
		la_stream_take(s, got);
	}
	*ret = tail;
	*ret_n = n;
	return LA_OK;
}

/*
 * Does the device tree, that the machine put at 1 MiB and the kernel leaves there, name RAM at
 * @base? (hw/loongarch/virt.c: VIRT_FDT_BASE; 9.0 and later.)
 */
static bool device_tree_says(struct la_arena *arena, int out, uint64_t base)
{
	const size_t size = 65536;
	uint8_t *tree = la_alloc(arena, size);
	char node[40];
	int n = snprintf(node, sizeof(node), "memory@%" PRIx64, base);

	return tree && pread(out, tree, size, LA_CORE_DATA + (1 << 20)) == (ssize_t)size &&
	       !memcmp(tree, "\xd0\x0d\xfe\xed", 4) && memmem(tree, size, node, (size_t)n + 1);
}

/* 0x90000000 up to QEMU 8.2 and in openEuler's 6.2, 0x80000000 since 9.0 (hw/loongarch/virt.h). */
static void decide_high_base(struct loader *l, struct la_arena *arena, uint64_t wanted,
			     unsigned cpu_version, struct la_converted *ret)
{
	static const uint64_t newer = 0x80000000, older = 0x90000000;

	ret->high_base = newer;
	if (wanted) {
		ret->high_base = wanted;
		ret->high_base_from = "as told";
	} else if (device_tree_says(arena, l->ram.out.fd, newer)) {
		ret->high_base_from = "the guest's device tree";
	} else if (device_tree_says(arena, l->ram.out.fd, older)) {
		ret->high_base = older;
		ret->high_base_from = "the guest's device tree";
	} else if (cpu_version >= 2 || strchr(l->machine, '.')) {
		ret->high_base_from = "QEMU is 9.1 or later";
	} else if (l->ram.page_size == 16384) {
		ret->high_base = older;
		ret->high_base_from = "QEMU is older than 8.2";
	} else {
		ret->high_base_from = "a guess: QEMU 8.2 had 0x90000000";
	}
}

enum la_status la_convert(struct la_arena *arena, int in, int out,
			  const struct la_convert_options *opt, struct la_converted *ret,
			  struct la_error *err)
{
	struct loader *l = la_alloc(arena, sizeof(*l));
	struct la_saved_cpu *cpus = NULL;
	const uint8_t *tail = NULL;
	struct la_error why = { "" };
	unsigned cpu_version = 0;
	size_t size = 0;
	uint64_t magic;

	*ret = (struct la_converted){ .machine = NULL };
	if (!l)
		return la_fail(err, LA_NOMEM, "migration stream");
	if (la_stream_init(&l->s, arena, in, opt, err) != LA_OK)
		return LA_NOMEM;
	l->ram = (struct la_saved_ram){ .arena = arena };
	if (la_writer_begin(&l->ram.out, out, err) != LA_OK)
		return LA_NOMEM;
	magic = la_stream_be(&l->s, 8);
	if (l->s.status == LA_OK && magic != ((uint64_t)0x5145564d << 32 | STREAM_VERSION))
		la_stream_fail(&l->s, magic >> 32 == 0x5145564d ? LA_UNSUPPORTED : LA_ABSENT,
			       "no migration stream of version %d", STREAM_VERSION);
	if (l->s.status == LA_OK)
		read_ram(l);
	/* What could not be written was read before whatever is wrong with the stream. */
	if (la_writer_end(&l->ram.out, &why) != LA_OK) {
		la_error_clear(err);
		return la_fail(err, LA_IO, "%s", why.text);
	}
	if (l->s.status == LA_TRUNCATED)
		return la_fail(err, LA_TRUNCATED, "cut off, its RAM is incomplete");
	if (l->s.status != LA_OK)
		return l->s.status;

	/* From here on nothing is fatal that is wrong with the stream. */
	l->s.err = &ret->unknown;
	if (read_tail(&l->s, arena, &tail, &size, &ret->unknown) == LA_OK &&
	    la_saved_cpus(arena, tail, size, &cpus, &ret->nvcpus, &cpu_version, &ret->unknown) ==
		    LA_OK) {
		ret->registers = la_saved_cpus_text(arena, cpus, ret->nvcpus);
		if (!ret->registers)
			return la_fail(err, LA_NOMEM, "register text");
	}
	decide_high_base(l, arena, opt ? opt->high_base : 0, cpu_version, ret);
	ret->machine = l->machine[0] ? l->machine : NULL;
	ret->page_size = l->ram.page_size;
	ret->ram = l->ram.total;
	ret->stored = l->ram.stored;
	ret->left_out = l->ram.left_out;
	return la_core_write(arena, out, ret->ram, ret->high_base, cpus, ret->nvcpus, err);
}
