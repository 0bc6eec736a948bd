// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: a described dump, opened, and compared with its description.
#include "opened.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mkdump_priv.h"

void opened_make(struct opened *o, const char *text, size_t nfiles,
		 const struct la_dump_options *opt)
{
	const char *paths[8];
	int fd;

	memset(o, 0, sizeof(*o));
	o->n = nfiles;
	snprintf(o->path[0], sizeof(o->path[0]), "/tmp/lakvm-dump.XXXXXX");
	fd = mkstemp(o->path[0]);
	if (fd < 0)
		mk_die("no temporary file");
	close(fd);
	for (size_t i = 0; i < nfiles; i++) {
		if (i)
			snprintf(o->path[i], sizeof(o->path[i]), "%.40s.%zu", o->path[0], i);
		paths[i] = o->path[i];
	}
	o->m = mkdump_parse(text);
	mkdump_write(o->m, o->path[0]);
	o->status = la_dump_open(&o->dump, paths, nfiles, opt, &o->err);
}

void opened_free(struct opened *o)
{
	la_dump_close(o->dump);
	for (size_t i = 0; i < o->n; i++)
		unlink(o->path[i]);
	mkdump_free(o->m);
}

static enum la_status expected(const struct mkdump *m, uint64_t pa)
{
	switch (mkdump_kind_at(m, pa)) {
	case MK_HOLE:
		return LA_NOT_RAM;
	case MK_EXCLUDED:
		return LA_EXCLUDED;
	case MK_MISSING:
		return LA_TRUNCATED;
	default:
		return LA_OK;
	}
}

/* One read, which must agree with the first byte of it that is not readable, or with all. */
static const char *read_wrong(struct opened *o, uint64_t pa, size_t len)
{
	static uint8_t got[1 << 18], want[1 << 18];
	static char text[256];
	enum la_status status = LA_OK, is;

	for (uint64_t at = pa; at < pa + len && !status; at = (at | 511) + 1)
		status = expected(o->m, at);
	is = la_dump_read(o->dump, pa, got, len, NULL);
	if (is != status) {
		snprintf(text, sizeof(text), "0x%" PRIx64 "+%zu: %s instead of %s", pa, len,
			 la_status_text(is), la_status_text(status));
		return text;
	}
	mkdump_bytes(o->m, pa, want, len);
	if (!is && memcmp(got, want, len) != 0) {
		snprintf(text, sizeof(text), "0x%" PRIx64 "+%zu: wrong bytes", pa, len);
		return text;
	}
	return NULL;
}

const char *opened_wrong(struct opened *o)
{
	static const size_t step[] = { 4096, 1000, 16384, 65536 };
	uint64_t pa, end;
	const char *wrong;

	for (size_t s = 0; s < sizeof(step) / sizeof(step[0]); s++) {
		for (size_t i = 0; i < o->m->nram; i++) {
			pa = o->m->ram[i].start > 8192 ? o->m->ram[i].start - 8192 : 0;
			end = o->m->ram[i].end + 8192;
			for (; pa < end; pa += step[s]) {
				wrong = read_wrong(o, pa, step[s]);
				if (!wrong && pa % 4096 == 0)
					wrong = read_wrong(o, pa + 4092, 8);
				if (wrong)
					return wrong;
			}
		}
	}
	return NULL;
}
