// SPDX-License-Identifier: GPL-3.0-or-later
// Call-frame information, or else ORC.
#include "table_row.h"

#include "orc.h"

bool la_table_row(const struct la_kernel *k, uint64_t code, struct la_cfi_row *ret)
{
	const char *why;

	return la_cfi_row(k->cfi, code, ret) || la_orc_row(k, code, ret, &why);
}
