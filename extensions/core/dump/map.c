// SPDX-License-Identifier: GPL-3.0-or-later
// The file below a dump as a mapping, for reads that do not follow one another. A file that becomes
// shorter, or a disk that fails, makes SIGBUS of an access to it. The handler puts zeros in the
// mapping's place and says so, the access goes on, and whoever used the bytes asks la_map_held
// whether they were the file's; if not, they are read again, by pread, which has words for it.
// Nothing is left by a jump, and a jump that leaves a read finds nothing armed.
//
// A handler is the process's, so these are the core's only variables, but for those of libdw_memory.c: the
// mappings that there are and the handler that was there before the first of them.
#include "map.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lakvm/base/jump.h"

static struct la_map *maps;
static struct sigaction before;
static bool installed;
static size_t page_size;

/* A new mapping in the place of all that lies behind @at, since a file is cut at its end. */
static bool put_zeros(struct la_map *m, uintptr_t at)
{
	uint8_t *page = m->base + (at - (uintptr_t)m->base) / page_size * page_size;
	int saved = errno;
	void *got = mmap(page, (size_t)(m->base + m->size - page), m->protection,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	errno = saved;
	m->faulted = got != MAP_FAILED;
	return m->faulted;
}

/*
 * For what is not ours, the handler that was there before; back in force, where it is the default
 * action, which the same access or the signal, sent again, then meets.
 */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	bool fault = info->si_code > 0;

	for (struct la_map *m = maps; m && fault; m = m->next)
		if (at >= (uintptr_t)m->base && at - (uintptr_t)m->base < m->size &&
		    put_zeros(m, at))
			return;
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	} else if (fault || before.sa_handler == SIG_DFL) {
		signal(sig, SIG_DFL);
		if (!fault)
			raise(sig);
	}
}

static bool in_force(void)
{
	struct sigaction now;

	return sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	       now.sa_sigaction == on_bus_error;
}

/* Where somebody has put a handler over ours, that one may keep a fault to itself. */
static bool install(void)
{
	struct sigaction ours = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	if (installed)
		return in_force();
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	sigfillset(&ours.sa_mask); /* crash's handler of Ctrl-C jumps: not out of this one */
	installed = sigaction(SIGBUS, &ours, &before) == 0;
	return installed;
}

/*
 * A handler over ours stays, since it may call ours: the handler before ours must not come back as
 * long as that one is there. The last chance is when this code is unloaded; what calls it after
 * that was going to end the process by SIGBUS, and does so by SIGSEGV.
 */
static void __attribute__((destructor)) uninstall(void)
{
	if (installed && !maps && in_force())
		installed = sigaction(SIGBUS, &before, NULL) != 0;
}

/* Bytes of address space for a file of @size bytes: at least one behind it is a zero. */
static size_t with_end(size_t size)
{
	return (size / page_size + 1) * page_size;
}

/* The file over the first of zeros; NULL: there is no room for it. */
static void *map_file(int fd, size_t size, int protection)
{
	void *zeros = mmap(NULL, with_end(size), PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (zeros == MAP_FAILED)
		return NULL;
	if (mmap(zeros, size, protection, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd, 0) !=
	    MAP_FAILED)
		return zeros;
	munmap(zeros, with_end(size));
	return NULL;
}

void la_map_open(struct la_map *m, int fd, uint64_t size, bool writable)
{
	const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *base;

	if (!size || size > SIZE_MAX / 2 || !install())
		return;
	base = map_file(fd, (size_t)size, protection);
	if (base) {
		m->base = base;
		m->size = (size_t)size;
		m->fd = fd;
		m->protection = protection;
		m->next = maps;
		m->usable = true;
		LA_PUBLISH(maps, m);
	}
	uninstall();
}

void la_map_close(struct la_map *m)
{
	for (struct la_map **at = &maps; *at; at = &(*at)->next) {
		if (*at == m) {
			*at = m->next;
			break;
		}
	}
	m->usable = false;
	if (m->base)
		munmap(m->base, with_end(m->size));
	m->base = NULL;
	uninstall();
}

/*
 * The page in which a file was cut has zeros behind the cut. A byte that is not zero, the last one
 * read, proves that the file goes on; so does the page behind it, which else makes SIGBUS. Both are
 * loads that the processor need not wait for. For the last page of all, the file is asked.
 */
bool la_map_held(struct la_map *m, uint64_t off, size_t len)
{
	uint64_t next = ((off + len - 1) / page_size + 1) * page_size;
	bool held = true;

	if (!len)
		return true;
	la_fence();
	if (m->base[off + len - 1] == 0) {
		if (next < m->size)
			(void)*(volatile uint8_t *)(m->base + next);
		else
			held = lseek(m->fd, 0, SEEK_END) >= (off_t)(off + len);
	}
	la_fence();
	if (held && !m->faulted)
		return true;
	m->usable = false;
	return false;
}
