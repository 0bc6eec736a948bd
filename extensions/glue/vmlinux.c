// SPDX-License-Identifier: GPL-3.0-or-later
// The session's vmlinux. libelf reads parts of it when they are asked for: signals wait meanwhile.
#include "vmlinux.h"

#include "lakvm/base/jump.h"
#include "lakvm/door/elf_file.h"

static struct {
	struct la_elf_file *file; /* NULL: not open */
} here;

enum la_status vmlinux_open(const char *path, struct la_error *err)
{
	enum la_status status = LA_OK;
	sigset_t before;

	la_hold(&before);
	if (!here.file)
		status = la_elf_file_open(&here.file, path, err);
	la_release(&before);
	return status;
}

void vmlinux_close(void)
{
	la_elf_file_close(here.file);
	here.file = NULL;
}

bool vmlinux_symbol_size(const char *name, uint64_t *ret)
{
	sigset_t before;
	bool known;

	la_hold(&before);
	known = here.file && la_elf_file_symbol_size(here.file, name, ret);
	la_release(&before);
	return known;
}

size_t vmlinux_read(uint64_t address, void *ret, size_t len)
{
	sigset_t before;
	size_t n;

	la_hold(&before);
	n = here.file ? la_elf_file_bytes(here.file, address, ret, len) : 0;
	la_release(&before);
	return n;
}
