/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The headings of a verdict that goes to people, in their language. */
#ifndef LAKVM_RENDER_HEADINGS_H
#define LAKVM_RENDER_HEADINGS_H

#include "lakvm/render/language.h"

enum la_heading {
	LA_H_CAUSE,
	LA_H_WHERE,
	LA_H_WHO,
	LA_H_WHEN,
	LA_H_KERNEL,
	LA_H_SIGNATURE,
	LA_H_STUCK,
	LA_H_NEXT,
	LA_H_KNOWN,
	LA_H_CURE,
	LA_H_FAULT,
	LA_H_STACK,
	LA_H_REGISTERS,
	LA_H_CPUS,
	LA_H_WAITS,
	LA_H_LOG,
	LA_H_TAINT,
	LA_H_FACTS,
	LA_H_UNCHECKED,
	LA_H_MEMORY,
	LA_H_STACKS,
	LA_H_VERSIONS,
	LA_H_FIRST_TROUBLE,
	LA_NHEADINGS,
};

/** All of @language, by enum la_heading. */
const char *const *la_headings(enum la_language language);

#endif
