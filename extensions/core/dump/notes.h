/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF notes, one after the other (elf(5): Elf64_Nhdr, name and descriptor padded to 4 bytes). */
#ifndef LAKVM_DUMP_NOTES_H
#define LAKVM_DUMP_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A note area and how far it has been read. */
struct la_notes {
	const uint8_t *at;
	size_t left; /* bytes from there on; once la_notes_next says false, those that are no note */
};

/** One note; both pieces lie in the area. */
struct la_note {
	uint32_t type;
	const char *name; /* namesz bytes: not NUL-terminated by itself */
	size_t namesz;
	const uint8_t *desc;
	size_t descsz;
};

/** Begin at the first note of an area of @size bytes. @area NULL: one without notes. */
static inline struct la_notes la_notes_of(const void *area, size_t size)
{
	return (struct la_notes){ area, area ? size : 0 };
}

/** The next note. False: none, or what is left does not hold what its header says; @n stays. */
bool la_notes_next(struct la_notes *n, struct la_note *ret);

/** Has @note this name? Writers count its NUL or not. */
bool la_note_is(const struct la_note *note, const char *name);

/**
 * Descriptor of the first note @name of an area, not NUL-terminated, in the area; NULL and 0 when
 * there is none. A note that does not fit in the area ends the search.
 */
const char *la_notes_text(const void *area, size_t size, const char *name, size_t *ret_size);

#endif
