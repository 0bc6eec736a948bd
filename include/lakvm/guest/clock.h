/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guest's own clock says: the kernel's timekeeper, which each tick of the CPU that keeps it moves on. */
#ifndef LAKVM_GUEST_CLOCK_H
#define LAKVM_GUEST_CLOCK_H

#include <stdint.h>

#include "lakvm/base/status.h"
#include "lakvm/guest/kernel.h"

struct la_clock {
	int64_t date;       /* seconds since 1970, UTC */
	uint64_t uptime_ns; /* since boot, without time in suspend, as the log's stamps count */
};

/**
 * When the timekeeper was moved on last: within a tick of the freeze, where ticks still came then; else
 * since then they did not. LA_ABSENT: this kernel has none, or vmlinux does not tell where. LA_CORRUPT: what
 * is there is no time.
 */
enum la_status la_clock_read(const struct la_kernel *k, struct la_clock *ret, struct la_error *err);

#endif
