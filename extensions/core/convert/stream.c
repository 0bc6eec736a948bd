// SPDX-License-Identifier: GPL-3.0-or-later
// A migration stream as bytes, read forwards so that it may come out of a pipe.
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS ((uint64_t)16 << 20)

enum la_status la_stream_init(struct la_stream *s, struct la_arena *arena, int fd,
			      const struct la_convert_options *opt, struct la_error *err)
{
	off_t here = lseek(fd, 0, SEEK_CUR);

	*s = (struct la_stream){ .fd = fd, .opt = opt, .err = err };
	s->base = here < 0 ? 0 : (uint64_t)here;
	s->next_progress = s->base + PROGRESS;
	s->buffer = la_alloc(arena, LA_STREAM_BUFFER);
	return s->buffer ? LA_OK : la_fail(err, LA_NOMEM, "migration stream");
}

uint64_t la_stream_offset(const struct la_stream *s)
{
	return s->base + s->at;
}

enum la_status la_stream_fail(struct la_stream *s, enum la_status status, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (s->status != LA_OK)
		return s->status;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->status = status;
	return la_fail(s->err, status, "offset 0x%" PRIx64 ": %s", la_stream_offset(s), text);
}

const uint8_t *la_stream_peek(struct la_stream *s, size_t n, size_t *ret_n)
{
	*ret_n = 0;
	if (s->status != LA_OK)
		return s->buffer;
	if (s->end - s->at < n && s->at) {
		memmove(s->buffer, s->buffer + s->at, s->end - s->at);
		s->base += s->at;
		s->end -= s->at;
		s->at = 0;
	}
	while (s->end - s->at < n) {
		ssize_t got = read(s->fd, s->buffer + s->end, LA_STREAM_BUFFER - s->end);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			la_stream_fail(s, LA_IO, "cannot be read: %s", strerror(errno));
			return s->buffer;
		}
		if (!got)
			break;
		s->end += (size_t)got;
	}
	*ret_n = s->end - s->at < n ? s->end - s->at : n;
	return s->buffer + s->at;
}

const uint8_t *la_stream_take(struct la_stream *s, size_t n)
{
	size_t got;
	const uint8_t *data = la_stream_peek(s, n, &got);

	if (s->status != LA_OK)
		return NULL;
	if (got < n) {
		la_stream_fail(s, LA_TRUNCATED, "the stream ends here");
		return NULL;
	}
	s->at += n;
	if (s->opt && s->opt->progress && la_stream_offset(s) >= s->next_progress) {
		s->opt->progress(s->opt->ctx, la_stream_offset(s));
		s->next_progress = la_stream_offset(s) + PROGRESS;
	}
	return data;
}

uint64_t la_stream_be(struct la_stream *s, unsigned bytes)
{
	const uint8_t *data = la_stream_take(s, bytes);
	uint64_t value = 0;

	for (unsigned i = 0; data && i < bytes; i++)
		value = value << 8 | data[i];
	return value;
}

bool la_stream_name(struct la_stream *s, char *ret)
{
	size_t n = la_stream_be(s, 1);
	const uint8_t *data = la_stream_take(s, n);

	ret[0] = '\0';
	if (!data)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (data[i] < ' ' || data[i] > '~') {
			la_stream_fail(s, LA_CORRUPT, "a name that is no text");
			return false;
		}
		ret[i] = (char)data[i];
	}
	ret[n] = '\0';
	return true;
}

bool la_stream_seek(struct la_stream *s, uint64_t offset)
{
	if (s->status != LA_OK)
		return false;
	if (offset > INT64_MAX) {
		la_stream_fail(s, LA_CORRUPT, "cannot go on at 0x%" PRIx64, offset);
		return false;
	}
	if (lseek(s->fd, (off_t)offset, SEEK_SET) < 0) {
		la_stream_fail(s, LA_IO, "cannot go on at 0x%" PRIx64 ": %s", offset,
			       strerror(errno));
		return false;
	}
	s->base = offset;
	s->at = s->end = 0;
	return true;
}
