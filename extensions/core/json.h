/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A finished JSON object on its way out. */
#ifndef LAKVM_JSON_H
#define LAKVM_JSON_H

#include <jansson.h>

#include "lakvm/render.h"

/** Print @object (NULL: it could not be built) on one line, and release it. */
enum la_status la_json_put(json_t *object, const struct la_sink *sink);

#endif
