// SPDX-License-Identifier: GPL-3.0-or-later
// The session's vmlinux.
#include "vmlinux.h"

#include "lakvm/door/elf_file.h"

static struct la_elf_file *file;

enum la_status vmlinux_open(const char *path, struct la_error *err)
{
	return file ? LA_OK : la_elf_file_open(&file, path, err);
}

void vmlinux_close(void)
{
	la_elf_file_close(file);
	file = NULL;
}

bool vmlinux_symbol_size(const char *name, uint64_t *ret)
{
	return file && la_elf_file_symbol_size(file, name, ret);
}

size_t vmlinux_read(uint64_t address, void *ret, size_t len)
{
	return file ? la_elf_file_bytes(file, address, ret, len) : 0;
}
