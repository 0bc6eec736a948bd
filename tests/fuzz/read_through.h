/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the dump targets do with a file. */
#ifndef LAKVM_FUZZ_READ_THROUGH_H
#define LAKVM_FUZZ_READ_THROUGH_H

#include <stddef.h>
#include <stdint.h>

/** Write @head and @data into one file, open it as a dump, and read whatever it claims to hold. */
void read_through(const void *head, size_t head_size, const uint8_t *data, size_t size);

#endif
