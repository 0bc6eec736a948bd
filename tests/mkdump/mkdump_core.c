// SPDX-License-Identifier: GPL-3.0-or-later
// Dumps from text: memory and notes of a real dump, an ELF core file.
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mkdump_priv.h"

struct mk_core {
	int fd;
	Elf64_Phdr *program;
	unsigned n;
};

static void read_all(int fd, const char *path, uint64_t off, void *ret, size_t len)
{
	if (pread(fd, ret, len, (off_t)off) != (ssize_t)len)
		mk_die("%s: cannot be read at %#lx", path, (unsigned long)off);
}

static void find_vmcoreinfo(struct mkdump *m)
{
	for (size_t at = 0, size; at + sizeof(Elf64_Nhdr) <= m->nnotes; at += size) {
		Elf64_Nhdr note;
		size_t name;

		memcpy(&note, m->notes + at, sizeof(note));
		name = (note.n_namesz + 3) & ~3u;
		size = sizeof(note) + name + ((note.n_descsz + 3) & ~3u);
		if (note.n_namesz != sizeof("VMCOREINFO") || at + size > m->nnotes ||
		    memcmp(m->notes + at + sizeof(note), "VMCOREINFO", note.n_namesz))
			continue;
		m->vmcoreinfo_at = at + sizeof(note) + name;
		m->vmcoreinfo_size = note.n_descsz;
	}
}

void mk_core_open(struct mkdump *m, const char *path)
{
	struct mk_core *core = mk_alloc(sizeof(*core));
	Elf64_Ehdr e;

	core->fd = open(path ? path : "", O_RDONLY);
	if (core->fd < 0)
		mk_die("%s: cannot be opened", path ? path : "(missing)");
	read_all(core->fd, path, 0, &e, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) || e.e_phentsize != sizeof(Elf64_Phdr) ||
	    e.e_phnum == PN_XNUM)
		mk_die("%s: not an ELF file as we need it", path);
	core->n = e.e_phnum;
	core->program = mk_alloc(core->n * sizeof(*core->program));
	read_all(core->fd, path, e.e_phoff, core->program, core->n * sizeof(*core->program));
	for (unsigned i = 0; i < core->n; i++) {
		const Elf64_Phdr *p = &core->program[i];

		if (p->p_type != PT_NOTE)
			continue;
		m->notes = realloc(m->notes, m->nnotes + p->p_filesz);
		if (!m->notes)
			mk_die("out of memory");
		read_all(core->fd, path, p->p_offset, m->notes + m->nnotes, p->p_filesz);
		m->nnotes += p->p_filesz;
	}
	find_vmcoreinfo(m);
	mk_core_close(m->core);
	m->core = core;
}

void mk_core_read(const struct mk_core *core, uint64_t pa, void *ret, size_t len)
{
	memset(ret, 0, len);
	for (unsigned i = 0; core && i < core->n; i++) {
		const Elf64_Phdr *p = &core->program[i];
		const uint64_t start = pa > p->p_paddr ? pa : p->p_paddr,
			       end = pa + len < p->p_paddr + p->p_filesz ? pa + len :
									   p->p_paddr + p->p_filesz;

		if (p->p_type == PT_LOAD && start < end)
			read_all(core->fd, "core", p->p_offset + (start - p->p_paddr),
				 (uint8_t *)ret + (start - pa), end - start);
	}
}

void mk_core_close(struct mk_core *core)
{
	if (!core)
		return;
	close(core->fd);
	free(core->program);
	free(core);
}
