/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libkdumpfile behind three functions, to compare with. */
#ifndef LAKVM_BENCH_KDUMPFILE_H
#define LAKVM_BENCH_KDUMPFILE_H

#include <stddef.h>
#include <stdint.h>

struct lkd;

/** NULL: libkdumpfile does not read this file; the reason is on stderr. @cache_pages 0: default. */
struct lkd *lkd_open(const char *path, unsigned cache_pages);
/** 0: read. */
int lkd_read(struct lkd *lkd, uint64_t pa, void *ret, size_t len);
void lkd_close(struct lkd *lkd);

#endif
