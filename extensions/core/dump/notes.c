// SPDX-License-Identifier: GPL-3.0-or-later
// The one walk over ELF notes.
#include "notes.h"

#include <string.h>

#include "base/bytes.h"

#define HEADER 12u

/* Bytes to the next multiple of 4; the last piece of an area may lack them. */
static size_t padded(size_t size, size_t left)
{
	const size_t padding = (4 - size % 4) % 4;

	return size + (padding < left - size ? padding : left - size);
}

bool la_notes_next(struct la_notes *n, struct la_note *ret)
{
	const uint8_t *at = n->at;
	size_t left = n->left, piece;

	if (left < HEADER)
		return false;
	ret->namesz = la_le32(at);
	ret->descsz = la_le32(at + 4);
	ret->type = la_le32(at + 8);
	at += HEADER;
	left -= HEADER;

	if (ret->namesz > left)
		return false;
	ret->name = (const char *)at;
	piece = padded(ret->namesz, left);
	at += piece;
	left -= piece;

	if (ret->descsz > left)
		return false;
	ret->desc = at;
	piece = padded(ret->descsz, left);
	n->at = at + piece;
	n->left = left - piece;
	return true;
}

bool la_note_is(const struct la_note *note, const char *name)
{
	const size_t len = strlen(name);

	return (note->namesz == len || note->namesz == len + 1) && !memcmp(note->name, name, len);
}

const char *la_notes_text(const void *area, size_t size, const char *name, size_t *ret_size)
{
	struct la_notes n = la_notes_of(area, size);
	struct la_note note;

	*ret_size = 0;
	while (la_notes_next(&n, &note)) {
		if (!la_note_is(&note, name))
			continue;
		*ret_size = note.descsz;
		return (const char *)note.desc;
	}
	return NULL;
}
