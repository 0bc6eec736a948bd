/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A door over plain memory: tests put bytes, symbols and layouts into it. */
#ifndef LAKVM_FAKE_H
#define LAKVM_FAKE_H

#include "lakvm/door/door.h"

struct fake;

struct fake *fake_new(void);
void fake_free(struct fake *f);
/** The door; its notes, vmlinux and relocation fields may be set by the test. */
struct la_door *fake_door(struct fake *f);

/** Put bytes at a guest-physical address (RAM exists only where something was put). */
void fake_put(struct fake *f, uint64_t pa, const void *bytes, size_t len);
void fake_put_u64(struct fake *f, uint64_t pa, uint64_t value);
void fake_put_u32(struct fake *f, uint64_t pa, uint32_t value);
/** Make @len bytes at @pa read with @status (LA_EXCLUDED, ...) whatever was put there. */
void fake_hide(struct fake *f, uint64_t pa, uint64_t len, enum la_status status);

/** What is told again replaces what was told before. */
void fake_symbol(struct fake *f, const char *name, uint64_t start, uint64_t size,
		 const char *module);
void fake_member(struct fake *f, const char *type, const char *member, size_t offset, size_t size);
void fake_type(struct fake *f, const char *type, size_t size);
void fake_enumerator(struct fake *f, const char *name, int64_t value);

/** Physical reads so far, for tests of bounded work. */
size_t fake_reads(const struct fake *f);

#endif
