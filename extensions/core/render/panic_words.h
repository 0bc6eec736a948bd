/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pieces of a verdict that text and Markdown share; each writes part of a line. */
#ifndef LAKVM_RENDER_PANIC_WORDS_H
#define LAKVM_RENDER_PANIC_WORDS_H

#include "lakvm/render/render.h"

/** "panic (certain): Attempted to kill init!" */
void la_put_verdict(const struct la_panic *p, const struct la_sink *sink);

/** The cause in words: the rule's own, else what its kind and its address are. False: nothing is known. */
bool la_put_cause(const struct la_panic *p, const struct la_sink *sink);

/** "deref_thing+0x1c [mod 1.2]  drivers/x.c: 120"; the module is the caller's where one is named. False: nothing is known. */
bool la_put_where(const struct la_panic *p, const struct la_sink *sink);

/** "\"swapper/0\" (PID 1) on CPU 1, for 0.431 s". False: nobody, as where nothing happened. */
bool la_put_who(const struct la_panic *p, const struct la_sink *sink);

/** "17.206000 s after boot; guest's clock 17.210 s (2026-11-27T05:38:12Z)" */
void la_put_when(const struct la_panic *p, const struct la_sink *sink);

/** "oops, panic: log: it is empty": all rules with the reason of @first. False: an earlier rule has the same. */
bool la_put_unchecked(const struct la_panic *p, size_t first, const struct la_sink *sink);

/** Is there something to say of a fault? Then la_put_fault() says it, in lines. */
bool la_has_fault(const struct la_panic *p);
void la_put_fault(const struct la_panic *p, const struct la_sink *sink);

/** The guest's clock as "2026-11-27T05:38:12Z" in @ret; false: it is not known. */
bool la_clock_text(const struct la_detail *d, char *ret, size_t size);

#endif
