/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How all JSON is built: an object in jansson's memory, printed only if all of it is there. */
#ifndef LAKVM_JSON_H
#define LAKVM_JSON_H

#include <jansson.h>

#include "lakvm/base/status.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/dump/dump.h"
#include "lakvm/render/render.h"

/**
 * What builds one object. A value that could not be had is NULL, which the setters below take; they
 * remember it in nomem, so that only la_json_finish() has to be asked.
 */
struct la_json {
	bool nomem;
};

/** Print @object on one line if nothing was missing, else nothing: LA_NOMEM. Releases it. */
enum la_status la_json_finish(struct la_json *b, json_t *object, const struct la_sink *sink);

/** Put @value, which then belongs to the other, under @key or behind the last one. */
void la_json_set(struct la_json *b, json_t *object, const char *key, json_t *value);
void la_json_append(struct la_json *b, json_t *array, json_t *value);

/** A string, with bytes that are no UTF-8 as U+FFFD; NULL becomes null. */
json_t *la_json_text(const char *s);

/** The same of a text that is empty where there is nothing to say: null. */
json_t *la_json_said(const char *s);

/** An array of @n texts. */
json_t *la_json_texts(struct la_json *b, const char *const *text, size_t n);

/** "0x1f"; null if it is not @known. */
json_t *la_json_hex(bool known, uint64_t value);

/** null if it is not @known, or more than a JSON number here can be (2^63 - 1): damage. */
json_t *la_json_number(bool known, uint64_t value);

/** The parts that several objects have: "task", "pid", "comm" of @o; arrays; registers by name. */
void la_json_set_task(struct la_json *b, json_t *o, const struct la_task *task);
json_t *la_json_frames(struct la_json *b, const struct la_stack *stack);
json_t *la_json_gprs(struct la_json *b, const struct la_regs *regs);
json_t *la_json_csrs(struct la_json *b, const struct la_regs *regs);
json_t *la_json_cpus(struct la_json *b, const struct la_cpus *cpus,
		     const struct la_render_options *opt);

/** Who waits for whom; null where nobody looked. */
json_t *la_json_waits(struct la_json *b, const struct la_waits *w);

/** Ranges of RAM with their counts: an array of objects. */
json_t *la_json_ram(struct la_json *b, const struct la_ram_range *range, size_t n);

#endif
