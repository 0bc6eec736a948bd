// SPDX-License-Identifier: GPL-3.0-or-later
// A text with registers, line by line into listings, and those into vCPUs with their samples.
#include "lakvm/regs/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text_line.h"
#include "text_vcpus.h"

/* 16 MiB for the registers of them all: as many pcs as a person writes down in a day. */
#define MAX_LISTINGS 32768
/* 256 vCPUs with all their registers make half a megabyte of text. */
#define MAX_TEXT ((size_t)16 << 20)

struct reader {
	struct la_arena *arena;
	struct la_text_listing *listing;
	size_t n, room;
	unsigned header; /* the vCPU that the last line "CPU#n" named, or LA_NO_VCPU */
	bool begun;      /* the listing goes on with the next line */
	unsigned line;
	unsigned nother; /* lines not understood, and the first of them */
	unsigned other_line;
	const char *other;
	size_t other_size;
};

static enum la_status begin_listing(struct reader *r, struct la_error *err)
{
	struct la_text_listing *more;

	if (r->n == MAX_LISTINGS)
		return la_fail(err, LA_INVALID, "register text: more than %d listings",
			       MAX_LISTINGS);
	more = la_room(r->arena, r->listing, r->n, &r->room, sizeof(*more));
	if (!more)
		return la_fail(err, LA_NOMEM, "register text");
	r->listing = more;
	r->listing[r->n++] = (struct la_text_listing){
		.vcpu = LA_NO_VCPU,
		.below = LA_NO_VCPU,
		.regs.source = LA_REGS_TEXT,
	};
	r->begun = true;
	return LA_OK;
}

/* A listing begins behind a line that names a vCPU, and where a register repeats. */
static enum la_status take_registers(struct reader *r, const struct la_regs *regs,
				     struct la_error *err)
{
	const bool repeats = r->begun && la_text_repeats(&r->listing[r->n - 1].regs, regs);
	struct la_text_listing *l;
	enum la_status status;

	if (!r->begun || repeats) {
		status = begin_listing(r, err);
		if (status != LA_OK)
			return status;
	}
	l = &r->listing[r->n - 1];
	if (repeats)
		l->below = r->header;
	else if (!l->regs.gpr_known && !l->regs.csr_known && !l->regs.pc_known)
		l->vcpu = r->header;
	la_text_add(&l->regs, regs);
	return LA_OK;
}

static void note_other(struct reader *r, const char *at, const char *end)
{
	if (r->nother++)
		return;
	while (at < end && (unsigned char)*at <= ' ')
		at++;
	while (end > at && (unsigned char)end[-1] <= ' ')
		end--;
	r->other_line = r->line;
	r->other = at;
	r->other_size = (size_t)(end - at);
}

static enum la_status take_line(struct reader *r, const char *at, const char *end,
				struct la_error *err)
{
	struct la_text_line line;

	la_text_line(at, end, &line);
	if (line.kind == LA_LINE_OTHER || line.damaged)
		note_other(r, at, end);
	if (line.kind == LA_LINE_VCPU) {
		if (line.vcpu >= LA_TEXT_VCPUS)
			return la_fail(err, LA_INVALID,
				       "register text: line %u names CPU %u, of %d", r->line,
				       line.vcpu, LA_TEXT_VCPUS);
		r->header = line.vcpu;
		r->begun = false;
	}
	return line.kind == LA_LINE_REGISTERS ? take_registers(r, &line.regs, err) : LA_OK;
}

/* A line ends with a line feed, or with one as JSON writes it, of which QMP's answers have many. */
static const char *line_end(const char *at, const char *end, const char **ret_next)
{
	const char *feed = memchr(at, '\n', (size_t)(end - at)), *written;

	if (!feed)
		feed = end;
	written = memmem(at, (size_t)(feed - at), "\\n", 2);
	*ret_next = written ? written + 2 : feed + (feed < end);
	return written ? written : feed;
}

static enum la_status read_lines(struct reader *r, const char *text, size_t size,
				 struct la_error *err)
{
	const char *end = text + size, *next;
	enum la_status status = LA_OK;

	r->line = 1;
	for (const char *at = text; at < end && status == LA_OK; at = next) {
		const char *stop = line_end(at, end, &next);

		status = take_line(r, at, stop, err);
		r->line += next > at && next[-1] == '\n';
	}
	return status;
}

/* --- vCPUs --- */

static bool more_than_pc(const struct la_regs *regs)
{
	return regs->gpr_known || regs->csr_known;
}

/* One entry for each vCPU that has a listing, in order of their numbers, with room for its samples. */
static enum la_status make_vcpus(struct reader *r, struct la_regs_text *ret, struct la_error *err)
{
	size_t *count = la_alloc_n(r->arena, LA_TEXT_VCPUS, sizeof(*count));
	struct la_regs *sample = la_alloc_n(r->arena, r->n, sizeof(*sample));
	struct la_vcpu_regs *vcpu;
	size_t n = 0;

	if (!count || !sample)
		return la_fail(err, LA_NOMEM, "register text");
	for (size_t i = 0; i < r->n; i++)
		n += !count[r->listing[i].vcpu]++;
	vcpu = la_alloc_n(r->arena, n, sizeof(*vcpu));
	if (!vcpu)
		return la_fail(err, LA_NOMEM, "register text");
	ret->vcpu = vcpu;
	for (unsigned i = 0; i < LA_TEXT_VCPUS; i++) {
		if (!count[i])
			continue;
		vcpu[ret->n++] = (struct la_vcpu_regs){ .pid = i + 1, .counted = true };
		vcpu[ret->n - 1].sample = sample;
		sample += count[i];
		count[i] = ret->n - 1; /* from here on, where its entry is */
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct la_text_listing *l = &r->listing[i];
		struct la_vcpu_regs *v = &vcpu[count[l->vcpu]];

		((struct la_regs *)v->sample)[v->nsamples++] = l->regs;
		v->counted = v->counted && l->counted;
		if (more_than_pc(&l->regs) || !more_than_pc(&v->regs))
			v->regs = l->regs;
	}
	return LA_OK;
}

/* False: out of memory. */
static bool remark(const struct reader *r, const struct la_regs_text *t, const char **ret)
{
	const char *numbers = NULL, *other = NULL;
	bool odd = true;
	size_t counted = 0;

	for (size_t i = 0; i < t->n; i++)
		counted += t->vcpu[i].counted;
	if (counted == 1 && t->n == 1 && r->n > 1)
		numbers = la_format(
			r->arena,
			"no line \"CPU#n\" in the register text: its %zu listings are taken as samples of one vCPU",
			r->n);
	else if (counted > 1 || (counted && t->n > 1))
		numbers = la_format(
			r->arena,
			"the register text does not name %s of its %zu vCPUs: they are counted in its order",
			counted == t->n ? "any" : "all", t->n);
	else
		odd = false;
	if (r->nother)
		other = la_format(
			r->arena,
			"%u line%s of the register text %s not understood, %sline %u: %.*s%s",
			r->nother, r->nother > 1 ? "s" : "", r->nother > 1 ? "were" : "was",
			r->nother > 1 ? "the first is " : "", r->other_line,
			r->other_size > 60 ? 60 : (int)r->other_size, r->other,
			r->other_size > 60 ? "..." : "");
	if ((odd && !numbers) || (r->nother && !other))
		return false;
	*ret = numbers ? numbers : other;
	if (numbers && other)
		*ret = la_format(r->arena, "%s; %s", numbers, other);
	return *ret || (!numbers && !other);
}

/* UTF-16 with its mark, as Windows' shell and editors write a text: every letter that is not ASCII becomes 0xff. */
static bool narrow(struct la_arena *arena, const char **text, size_t *size)
{
	const unsigned char *wide = (const unsigned char *)*text;
	const size_t n = *size / 2, low = n && wide[0] == 0xfe && wide[1] == 0xff;
	char *ret;

	if (!low && !(n && wide[0] == 0xff && wide[1] == 0xfe))
		return true;
	ret = la_alloc(arena, n);
	if (!ret)
		return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(wide[2 * i + !low] ? 0xff : wide[2 * i + low]);
	*text = ret;
	*size = n;
	return true;
}

enum la_status la_regs_text(struct la_arena *arena, const char *text, size_t size,
			    struct la_regs_text *ret, struct la_error *err)
{
	struct reader r = { .arena = arena, .header = LA_NO_VCPU };
	enum la_status status;

	*ret = (struct la_regs_text){ 0 };
	if (!narrow(arena, &text, &size))
		return la_fail(err, LA_NOMEM, "register text");
	status = read_lines(&r, text, size, err);
	if (status == LA_OK && !r.n)
		status = la_fail(err, LA_INVALID, "register text: no register in it");
	if (status == LA_OK)
		status = la_text_number(r.listing, r.n, arena, err);
	if (status == LA_OK)
		status = make_vcpus(&r, ret, err);
	if (status == LA_OK && !remark(&r, ret, &ret->remark))
		status = la_fail(err, LA_NOMEM, "register text");
	return status;
}

/* A pipe is waited for as long as somebody has it open to write. */
static enum la_status read_all(int fd, char *ret, size_t size, size_t *got, struct la_error *err)
{
	struct pollfd more = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (*got = 0; *got < size; *got += (size_t)n) {
		n = read(fd, ret + *got, size - *got);
		if (n == 0)
			break;
		if (n > 0)
			continue;
		if (errno == EAGAIN)
			poll(&more, 1, -1);
		else if (errno != EINTR)
			return la_fail(err, LA_IO, "%s", strerror(errno));
		n = 0;
	}
	return LA_OK;
}

static enum la_status read_text(struct la_arena *arena, int fd, struct la_regs_text *ret,
				struct la_error *err)
{
	enum la_status status;
	struct stat about;
	size_t size, got;
	char *text;

	if (fstat(fd, &about))
		return la_fail(err, LA_IO, "%s", strerror(errno));
	if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
		return la_fail(err, LA_INVALID, "not a file");
	/* one more than there may be, so that more is noticed */
	size = S_ISREG(about.st_mode) && about.st_size < (off_t)MAX_TEXT ?
		       (size_t)about.st_size + 1 :
		       MAX_TEXT + 1;
	text = la_alloc(arena, size);
	if (!text)
		return la_fail(err, LA_NOMEM, "register text");
	status = read_all(fd, text, size, &got, err);
	if (status != LA_OK)
		return status;
	if (got > MAX_TEXT)
		return la_fail(err, LA_INVALID, "too large for a register text");
	return la_regs_text(arena, text, got, ret, err);
}

enum la_status la_regs_text_read(struct la_arena *arena, const char *path, struct la_regs_text *ret,
				 struct la_error *err)
{
	/* without waiting for somebody to write, should it be a pipe */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum la_status status;

	if (fd < 0)
		return la_fail(err, LA_IO, "cannot open %s: %s", path, strerror(errno));
	status = read_text(arena, fd, ret, err);
	close(fd);
	return status == LA_OK ? LA_OK : la_fail(err, status, "%s", path);
}
