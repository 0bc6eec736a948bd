/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text of the guest made fit to print: it may hold anything. */
#ifndef LAKVM_ESCAPE_H
#define LAKVM_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Length in bytes of the well-formed UTF-8 character at @s (RFC 3629), 0 if there is none, as at the
 * final NUL.
 */
size_t la_utf8_length(const char *s);

/** The code point of the character at @s, whose length is la_utf8_length()'s; 0 for length 0. */
uint32_t la_utf8_code(const char *s, size_t length);

/**
 * Is this code point one that a reader does not see, but that changes what he sees: a control
 * character (C0, DEL, C1), a direction or annotation mark, a line separator, or another that Unicode 16 says to
 * show as nothing (Default_Ignorable_Code_Point)?
 */
bool la_text_hidden(uint32_t code);

/**
 * Copy @s to @ret as far as it fits, with a NUL: each byte of control characters and each that is no UTF-8
 * as "\xNN", other hidden characters as "\uNNNN" or "\UNNNNNNNN"; a tab stays. @lines: the line behind a
 * newline is indented beyond our labels; else a newline is a control character like others. Returns
 * where it stopped; call again until that is the text's end. A @size of 16 or more always takes at least
 * one character.
 */
const char *la_text_escape(const char *s, bool lines, char *ret, size_t size);

/** The same for text that has its lines already: newlines stay. */
const char *la_text_show(const char *s, char *ret, size_t size);

#endif
