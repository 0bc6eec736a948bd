/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What headings are written in. What a guest or a rule says stays as it is. */
#ifndef LAKVM_LANGUAGE_H
#define LAKVM_LANGUAGE_H

enum la_language { LA_ENGLISH, LA_CHINESE };

/** Of the first of LC_ALL, LC_MESSAGES and LANG that is set: Chinese for zh..., else English. */
enum la_language la_language_of_locale(void);

#endif
