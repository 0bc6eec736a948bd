// SPDX-License-Identifier: GPL-3.0-or-later
// libkdumpfile behind three functions.
#include "kdumpfile.h"

#include "common.h"

#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct lkd {
	kdump_ctx_t *ctx;
	int fd[MAX_PARTS];
	size_t n;
};

struct lkd *lkd_open(const char *path, unsigned cache_pages)
{
	struct lkd *lkd = calloc(1, sizeof(*lkd));
	const char *part[MAX_PARTS];
	kdump_status status;
	kdump_num_t page = 0;

	if (!lkd)
		return NULL;
	lkd->ctx = kdump_new();
	lkd->n = parts_of(path, part);
	for (size_t i = 0; i < lkd->n; i++) {
		lkd->fd[i] = open(part[i], O_RDONLY);
		if (lkd->fd[i] < 0 || !lkd->ctx) {
			perror(part[i]);
			exit(2);
		}
	}
	status = kdump_open_fdset(lkd->ctx, (unsigned)lkd->n, lkd->fd);
	if (status != KDUMP_OK) {
		fprintf(stderr, "%s: libkdumpfile: %s\n", path, kdump_get_err(lkd->ctx));
		lkd_close(lkd);
		return NULL;
	}
	if (cache_pages)
		kdump_set_number_attr(lkd->ctx, "cache.size", cache_pages);
	/* An ELF file has no page size of its own, and 0.5.1 divides by it. */
	if (kdump_get_number_attr(lkd->ctx, "arch.page_size", &page) != KDUMP_OK || !page)
		kdump_set_number_attr(lkd->ctx, "arch.page_size", 4096);
	return lkd;
}

int lkd_read(struct lkd *lkd, uint64_t pa, void *ret, size_t len)
{
	size_t n = len;

	return kdump_read(lkd->ctx, KDUMP_MACHPHYSADDR, pa, ret, &n) != KDUMP_OK || n != len;
}

void lkd_close(struct lkd *lkd)
{
	kdump_free(lkd->ctx);
	for (size_t i = 0; i < lkd->n; i++)
		close(lkd->fd[i]);
	free(lkd);
}
