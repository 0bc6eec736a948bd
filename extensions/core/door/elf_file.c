// SPDX-License-Identifier: GPL-3.0-or-later
// The one opener of vmlinux. libelf maps the file; the mapping is watched, so that a file which is
// cut while it is open gives zeros and not SIGBUS.
#include "elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/map.h"
#include "libdw_memory.h"

struct la_elf_file {
	int fd;
	uint64_t size; /* when it was opened */
	Elf *elf;
	struct la_map map;
	Dwarf *dwarf;
	bool dwarf_tried;
	bool exhausted;
};

/* A descriptor of a regular file, and its size. */
static enum la_status open_regular(const char *path, int *ret, uint64_t *size, struct la_error *err)
{
	enum la_status status;
	struct stat st;

	/* Without O_NONBLOCK a FIFO would be waited for. */
	*ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*ret < 0)
		return la_fail(err, LA_IO, "cannot open %s: %s", path, strerror(errno));
	if (fstat(*ret, &st) != 0) {
		status = la_fail(err, LA_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		status = la_fail(err, LA_INVALID, "%s: not a regular file", path);
	} else {
		*size = (uint64_t)st.st_size;
		return LA_OK;
	}
	close(*ret);
	*ret = -1;
	return status;
}

static enum la_status open_elf(struct la_elf_file *f, const char *path, struct la_error *err)
{
	enum la_status status = open_regular(path, &f->fd, &f->size, err);
	const char *ident;
	GElf_Ehdr header;
	size_t mapped;
	char *image;

	if (status != LA_OK)
		return status;
	elf_version(EV_CURRENT);
	f->elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &header) ||
	    !(ident = elf_getident(f->elf, NULL)))
		return la_fail(err, LA_INVALID, "%s: cannot be read as an ELF file", path);
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return la_fail(err, LA_INVALID, "%s: not a little-endian 64-bit file", path);
	image = elf_rawfile(f->elf, &mapped);
	if (!image)
		return la_fail(err, LA_NOMEM, "%s", path);
	la_map_watch(&f->map, f->fd, image, mapped);
	return LA_OK;
}

enum la_status la_elf_file_open(struct la_elf_file **ret, const char *path, struct la_error *err)
{
	struct la_elf_file *f = calloc(1, sizeof(*f));
	enum la_status status;

	*ret = NULL;
	if (!f)
		return la_fail(err, LA_NOMEM, "%s", path);
	status = open_elf(f, path, err);
	if (status != LA_OK) {
		la_elf_file_close(f);
		return status;
	}
	*ret = f;
	return LA_OK;
}

void la_elf_file_close(struct la_elf_file *f)
{
	if (!f)
		return;
	dwarf_end(f->dwarf);
	la_map_close(&f->map);
	elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

bool la_elf_file_sound(const struct la_elf_file *f)
{
	struct stat st;

	return !f->map.faulted && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= f->size;
}

Elf *la_elf_file_elf(const struct la_elf_file *f)
{
	return f->elf;
}

/* The size that a packed section says it has unpacked is believed by libelf, which gets that much. */
static bool unpacks(Elf_Scn *section, const GElf_Shdr *header)
{
	GElf_Chdr packed;

	return !(header->sh_flags & SHF_COMPRESSED) ||
	       (gelf_getchdr(section, &packed) && packed.ch_size <= LA_ELF_SECTION_MAX);
}

static bool all_unpack(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && !unpacks(section, &header))
			return false;
	return true;
}

Dwarf *la_elf_file_dwarf(struct la_elf_file *f)
{
	if (!f->dwarf_tried) {
		f->dwarf = all_unpack(f->elf) ? dwarf_begin_elf(f->elf, DWARF_C_READ, NULL) : NULL;
		f->dwarf_tried = true;
		if (f->dwarf)
			la_libdw_watch(f->dwarf);
	}
	return f->exhausted ? NULL : f->dwarf;
}

bool la_elf_file_ask_dwarf(struct la_elf_file *f, void (*fn)(void *), void *arg)
{
	if (!f->exhausted)
		f->exhausted = !la_libdw_run(fn, arg);
	return !f->exhausted;
}

bool la_elf_file_exhausted(const struct la_elf_file *f)
{
	return f->exhausted;
}

static Elf_Scn *find_section(Elf *elf, const char *wanted, GElf_Shdr *header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, header))
			continue;
		name = elf_strptr(elf, names, header->sh_name);
		if (name && !strcmp(name, wanted) && header->sh_type != SHT_NOBITS)
			return section;
	}
	return NULL;
}

enum la_status la_elf_file_section(struct la_elf_file *f, const char *name, Elf_Data **ret,
				   struct la_error *err)
{
	GElf_Shdr header;
	Elf_Scn *section = find_section(f->elf, name, &header);

	if (!section)
		return la_fail(err, LA_ABSENT, "no %s", name);
	if (!unpacks(section, &header) ||
	    (header.sh_flags & SHF_COMPRESSED && elf_compress(section, 0, 0) < 0))
		return la_fail(err, LA_CORRUPT, "%s does not inflate", name);
	*ret = elf_getdata(section, NULL);
	if (!*ret || !(*ret)->d_buf)
		return la_fail(err, LA_CORRUPT, "%s is empty", name);
	return LA_OK;
}

size_t la_elf_file_bytes(const struct la_elf_file *f, uint64_t address, void *ret, size_t len)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(f->elf, section))) {
		Elf_Data *data;
		uint64_t offset;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS ||
		    !(header.sh_flags & SHF_ALLOC) || address < header.sh_addr ||
		    address - header.sh_addr >= header.sh_size)
			continue;
		offset = address - header.sh_addr;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_buf || offset >= data->d_size)
			return 0;
		if (len > data->d_size - offset)
			len = (size_t)(data->d_size - offset);
		memcpy(ret, (const char *)data->d_buf + offset, len);
		return la_elf_file_sound(f) ? len : 0;
	}
	return 0;
}

bool la_elf_file_symbol_size(const struct la_elf_file *f, const char *name, uint64_t *ret)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym symbol;
	Elf_Data *data;

	while ((section = elf_nextscn(f->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
			const char *here = elf_strptr(f->elf, header.sh_link, symbol.st_name);

			if (symbol.st_size && here && !strcmp(here, name)) {
				*ret = symbol.st_size;
				return true;
			}
		}
	}
	return false;
}

bool la_elf_is_program(const char *path)
{
	Elf64_Ehdr header = { .e_type = ET_NONE };
	uint64_t size;
	bool read;
	int fd;

	if (open_regular(path, &fd, &size, NULL) != LA_OK)
		return false;
	read = pread(fd, &header, sizeof(header), 0) == sizeof(header);
	close(fd);
	/* the type lies in the same place in all files of one byte order */
	return read && !memcmp(header.e_ident, ELFMAG, SELFMAG) &&
	       header.e_ident[EI_DATA] == ELFDATA2LSB &&
	       (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}
