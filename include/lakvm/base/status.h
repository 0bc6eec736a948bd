/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outcomes of the core's functions, and the sentence that explains a failure. */
#ifndef LAKVM_STATUS_H
#define LAKVM_STATUS_H

/**
 * Every fallible function of the core returns one of these. They differ in
 * what a person can do about them, so a caller must pass them on unchanged.
 */
enum la_status {
	LA_OK = 0,
	LA_ABSENT,      /* this kernel or this dump has no such thing */
	LA_UNMAPPED,    /* the guest's own tables do not map this address */
	LA_NOT_RAM,     /* physical address outside the guest's RAM */
	LA_EXCLUDED,    /* in RAM, but left out of the dump */
	LA_TRUNCATED,   /* lies beyond the end of a cut-off file */
	LA_CORRUPT,     /* there, and not what it has to be */
	LA_UNSUPPORTED, /* understood, and not handled here */
	LA_INVALID,     /* the caller's argument makes no sense */
	LA_IO,    /* the machine failed to open, read or write a file: errno's words say how */
	LA_NOMEM, /* out of memory, or over the arena's limit */
	LA_NSTATUS
};

/** One English phrase for a status, never NULL. */
const char *la_status_text(enum la_status status);

/**
 * The trail of a failure, read from outside in:
 * "cpu 3: task stack: 0x9000000012340000: outside the guest's RAM".
 * Zero-initialise it (or call la_error_clear) before the first use.
 */
struct la_error {
	char text[256];
};

/** Begin a new trail. NULL is allowed. */
void la_error_clear(struct la_error *err);

/**
 * Prepend a phrase to the trail and return @status, so that a caller can write
 * `return la_fail(err, st, "cpu %d", cpu);`. A trail whose first status is LA_NOMEM ends in "out of
 * memory". @err may be NULL. A text that does not fit loses its innermost end. The guest's text and
 * names of files may be put into it as they are: it is kept fit to print (la_text_escape() of
 * escape.h, newlines too).
 */
enum la_status la_fail(struct la_error *err, enum la_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
