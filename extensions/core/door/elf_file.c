// SPDX-License-Identifier: GPL-3.0-or-later
// The one opener of vmlinux. libelf gets it as memory: a mapping which gives zeros and not SIGBUS where the
// file is cut while it is open, and which ends in a zero, whatever somebody else may write into the file.
#include "elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/map.h"
#include "dwarf_bounds.h"
#include "libdw_memory.h"

/* They are gone through for each address. A kernel has about 60, one that is not linked a few thousand. */
#define MAX_SECTIONS 8192
#define OWN_STEP 4096 /* the smallest page of any machine */

struct la_elf_file {
	int fd;
	uint64_t size; /* when it was opened */
	Elf *elf;
	struct la_map map;
	struct la_elf_file *shared; /* where dwz puts what several files have in common; or NULL */
	char *path;
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

static void write_back(volatile uint8_t *byte)
{
	const uint8_t value = *byte;

	*byte = value;
}

/* A page that is written to is this process's own: nobody else can change it any more. */
static void take_pages(struct la_map *m, uint64_t at, uint64_t len)
{
	volatile uint8_t *base = m->base;

	if (at >= m->size)
		return;
	if (len > m->size - at)
		len = m->size - at;
	for (uint64_t i = at; i < at + len; i += OWN_STEP)
		write_back(&base[i]);
	write_back(&base[at + len - 1]);
}

/* libelf uses the section headers in the mapping, and believes later what it has checked before. */
static void take_headers(struct la_map *m)
{
	Elf64_Ehdr header;

	if (m->size < sizeof(header))
		return;
	take_pages(m, 0, sizeof(header));
	memcpy(&header, m->base, sizeof(header));
	take_pages(m, header.e_shoff, MAX_SECTIONS * sizeof(Elf64_Shdr));
}

static enum la_status open_elf(struct la_elf_file *f, const char *path, struct la_error *err)
{
	enum la_status status = open_regular(path, &f->fd, &f->size, err);
	const char *ident;
	GElf_Ehdr header;
	size_t sections;

	if (status != LA_OK)
		return status;
	f->path = strdup(path);
	if (!f->path)
		return la_fail(err, LA_NOMEM, "%s", path);
	elf_version(EV_CURRENT);
	/* libelf writes into the headers of sections that it unpacks */
	la_map_open(&f->map, f->fd, f->size, true);
	if (f->map.usable)
		take_headers(&f->map);
	f->elf = f->map.usable ? elf_memory((char *)f->map.base, f->map.size) :
				 elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &header) ||
	    !(ident = elf_getident(f->elf, NULL)))
		return la_fail(err, LA_INVALID, "%s: cannot be read as an ELF file", path);
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB)
		return la_fail(err, LA_INVALID, "%s: not a little-endian 64-bit file", path);
	if (elf_getshdrnum(f->elf, &sections) || sections > MAX_SECTIONS)
		return la_fail(err, LA_INVALID, "%s: more sections than any kernel has", path);
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
	elf_end(f->elf);
	la_map_close(&f->map);
	la_elf_file_close(f->shared);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

bool la_elf_file_sound(const struct la_elf_file *f)
{
	struct stat st;

	return !f->map.faulted && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= f->size &&
	       (!f->shared || la_elf_file_sound(f->shared));
}

Elf *la_elf_file_elf(const struct la_elf_file *f)
{
	return f->elf;
}

static bool all_unpack(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && !la_elf_unpacks(section, &header))
			return false;
	return true;
}

/* @name as seen from the folder of @f. */
static char *beside(const struct la_elf_file *f, const char *name)
{
	const char *slash = strrchr(f->path, '/');
	char *ret;

	if (name[0] == '/' || !slash)
		return strdup(name);
	return asprintf(&ret, "%.*s/%s", (int)(slash - f->path), f->path, name) < 0 ? NULL : ret;
}

static bool begin_dwarf(struct la_elf_file *f)
{
	f->dwarf_tried = true;
	errno = 0;
	f->dwarf = all_unpack(f->elf) ? dwarf_begin_elf(f->elf, DWARF_C_READ, NULL) : NULL;
	/* For libdw, a section that it had no memory for is not there. */
	f->exhausted = errno == ENOMEM;
	if (!f->dwarf)
		return false;
	la_libdw_watch(f->dwarf);
	return la_dwarf_units_bounded(f->dwarf);
}

/*
 * A file may say that part of its DWARF is in another one (.gnu_debugaltlink). libdw would open whatever is
 * named there, a FIFO too, so it gets that from here. False: what is named is no file, or is bad.
 */
static bool open_shared(struct la_elf_file *f)
{
	struct la_error err = { "" };
	const char *name;
	const void *id;
	char *path;
	bool opened;

	if (dwelf_dwarf_gnu_debugaltlink(f->dwarf, &name, &id) <= 0)
		return true;
	path = beside(f, name);
	opened = path && la_elf_file_open(&f->shared, path, &err) == LA_OK &&
		 begin_dwarf(f->shared) &&
		 dwelf_dwarf_gnu_debugaltlink(f->shared->dwarf, &name, &id) <= 0;
	if (opened)
		dwarf_setalt(f->dwarf, f->shared->dwarf);
	free(path);
	return opened;
}

Dwarf *la_elf_file_dwarf(struct la_elf_file *f)
{
	if (!f->dwarf_tried && !(begin_dwarf(f) && open_shared(f))) {
		dwarf_end(f->dwarf);
		f->dwarf = NULL;
		if (f->shared && f->shared->exhausted)
			f->exhausted = true;
	}
	return f->exhausted ? NULL : f->dwarf;
}

bool la_elf_file_ask_dwarf(struct la_elf_file *f, void (*fn)(void *), void *arg)
{
	/* @fn may have set it, too. */
	if (!f->exhausted && !la_libdw_run(fn, arg))
		f->exhausted = true;
	return !f->exhausted;
}

void la_elf_file_set_exhausted(struct la_elf_file *f)
{
	f->exhausted = true;
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
	errno = 0;
	if (!la_elf_unpacks(section, &header) ||
	    (header.sh_flags & SHF_COMPRESSED && elf_compress(section, 0, 0) < 0))
		return errno == ENOMEM ? la_fail(err, LA_NOMEM, "%s", name) :
					 la_fail(err, LA_CORRUPT, "%s does not inflate", name);
	*ret = elf_getdata(section, NULL);
	if (*ret && (*ret)->d_buf)
		return LA_OK;
	return errno == ENOMEM ? la_fail(err, LA_NOMEM, "%s", name) :
				 la_fail(err, LA_CORRUPT, "%s is empty", name);
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
