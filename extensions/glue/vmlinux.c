// SPDX-License-Identifier: GPL-3.0-or-later
// What crash does not keep of the vmlinux file: sizes of symbols, and the bytes of its sections.
#include "vmlinux.h"

#include <elf.h>
#include <fcntl.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

struct vmlinux {
	int fd;
	Elf *elf;
};

static struct vmlinux file = { -1, NULL };

bool vmlinux_open(const char *path)
{
	if (file.elf)
		return true;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return false;
	file.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file.fd < 0)
		return false;
	file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
	if (!file.elf || elf_kind(file.elf) != ELF_K_ELF || !elf64_getehdr(file.elf)) {
		vmlinux_close();
		return false;
	}
	return true;
}

void vmlinux_close(void)
{
	if (file.elf)
		elf_end(file.elf);
	if (file.fd >= 0)
		close(file.fd);
	file = (struct vmlinux){ -1, NULL };
}

bool vmlinux_symbol_size(const char *name, uint64_t *ret)
{
	Elf_Scn *section = NULL;

	while (file.elf && (section = elf_nextscn(file.elf, section))) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const Elf_Data *data;

		if (!header || header->sh_type != SHT_SYMTAB ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym); i++) {
			const Elf64_Sym *sym = (const Elf64_Sym *)data->d_buf + i;
			const char *here = elf_strptr(file.elf, header->sh_link, sym->st_name);

			if (sym->st_size && here && !strcmp(here, name)) {
				*ret = sym->st_size;
				return true;
			}
		}
	}
	return false;
}

size_t vmlinux_read(uint64_t address, void *ret, size_t len)
{
	Elf_Scn *section = NULL;

	while (file.elf && (section = elf_nextscn(file.elf, section))) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const Elf_Data *data;
		size_t offset;

		if (!header || header->sh_type != SHT_PROGBITS || !(header->sh_flags & SHF_ALLOC) ||
		    address < header->sh_addr || address - header->sh_addr >= header->sh_size)
			continue;
		data = elf_getdata(section, NULL);
		offset = address - header->sh_addr;
		if (!data || !data->d_buf || offset >= data->d_size)
			return 0;
		if (len > data->d_size - offset)
			len = data->d_size - offset;
		memcpy(ret, (const char *)data->d_buf + offset, len);
		return len;
	}
	return 0;
}
