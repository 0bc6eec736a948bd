// SPDX-License-Identifier: GPL-3.0-or-later
// How all JSON is built and printed: one object on one line. docs/json.md is the contract: unknown
// is null, addresses are strings, keys keep their order and their meaning.
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lakvm/base/escape.h"

void la_json_set(struct la_json *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value))
		b->nomem = true;
}

void la_json_append(struct la_json *b, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		b->nomem = true;
}

/* The text on its way is in jansson's memory too: where a longjmp leaves, that has an owner (command.c of the glue). */
static json_t *mended_text(const char *s)
{
	json_malloc_t get;
	json_free_t release;
	json_t *value;
	size_t out = 0;
	char *clean;

	json_get_alloc_funcs(&get, &release);
	/* Every byte becomes at most three: U+FFFD is EF BF BD. */
	clean = get(3 * strlen(s) + 1);
	if (!clean)
		return NULL;
	while (*s) {
		size_t length = la_utf8_length(s);

		memcpy(clean + out, length ? s : "\xef\xbf\xbd", length ? length : 3);
		out += length ? length : 3;
		s += length ? length : 1;
	}
	value = json_stringn_nocheck(clean, out);
	release(clean);
	return value;
}

json_t *la_json_text(const char *s)
{
	json_t *value;

	if (!s)
		return json_null();
	value = json_string(s); /* which checks the encoding */
	return value ? value : mended_text(s);
}

json_t *la_json_said(const char *s)
{
	return la_json_text(s[0] ? s : NULL);
}

json_t *la_json_texts(struct la_json *b, const char *const *text, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		la_json_append(b, list, la_json_text(text[i]));
	return list;
}

json_t *la_json_hex(bool known, uint64_t value)
{
	char s[24];

	if (!known)
		return json_null();
	snprintf(s, sizeof(s), "0x%" PRIx64, value);
	return json_string_nocheck(s);
}

json_t *la_json_number(bool known, uint64_t value)
{
	return known && value <= INT64_MAX ? json_integer((json_int_t)value) : json_null();
}

/* --- printing --- */

/* What a reader of the text would not see is written as JSON's own escape: the value is the same. */
static void put_character(const struct la_sink *sink, const char *s, size_t n)
{
	const uint32_t code = la_utf8_code(s, n);
	char text[16];

	if (!la_text_hidden(code))
		snprintf(text, sizeof(text), "%.*s", (int)n, s);
	else if (code <= 0xffff)
		snprintf(text, sizeof(text), "\\u%04x", code);
	else
		snprintf(text, sizeof(text), "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
			 0xdc00 + ((code - 0x10000) & 0x3ff));
	sink->put(sink->ctx, text);
}

/* Bytes from the start of @text that a reader sees as they are, for sure: printable ASCII. */
static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f)
		n++;
	return n;
}

static void put_chunk(const struct la_sink *sink, char *text)
{
	while (*text) {
		const size_t plain = plain_length(text), n = la_utf8_length(text + plain);
		const char after = text[plain];

		text[plain] = '\0';
		sink->put(sink->ctx, text);
		text[plain] = after;
		text += plain;
		if (*text && !n) { /* no UTF-8: not of jansson's making */
			sink->put(sink->ctx, text);
			return;
		}
		if (n)
			put_character(sink, text, n);
		text += n;
	}
}

/* jansson hands over whole characters, all of them well-formed; a chunk must not divide one. */
static int to_sink(const char *buffer, size_t size, void *data)
{
	char chunk[1024];

	while (size) {
		size_t n = size < sizeof(chunk) - 1 ? size : sizeof(chunk) - 1;

		while (n < size && n > 1 && ((unsigned char)buffer[n] & 0xc0) == 0x80)
			n--;
		memcpy(chunk, buffer, n);
		chunk[n] = '\0';
		put_chunk(data, chunk);
		buffer += n;
		size -= n;
	}
	return 0;
}

enum la_status la_json_finish(struct la_json *b, json_t *object, const struct la_sink *sink)
{
	if (!object || b->nomem ||
	    json_dump_callback(object, to_sink, (void *)sink,
			       JSON_COMPACT | JSON_REAL_PRECISION(9))) {
		json_decref(object);
		return LA_NOMEM;
	}
	json_decref(object);
	sink->put(sink->ctx, "\n");
	return LA_OK;
}
