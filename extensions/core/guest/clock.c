// SPDX-License-Identifier: GPL-3.0-or-later
// struct timekeeper (include/linux/timekeeper_internal.h): the time of day is xtime_sec seconds and tkr_mono.xtime_nsec
// >> tkr_mono.shift nanoseconds; wall_to_monotonic makes of it the time since boot.
#include "lakvm/guest/clock.h"

#include <inttypes.h>

#define NSEC UINT64_C(1000000000)

/*
 * tk_core holds it: before 6.13 a struct without a tag whose last member it is; since then a struct tk_data, which has
 * a shadow of it as well, so that the size tells them apart without a search for a tag that may not exist; since 6.17
 * the first of timekeeper_data[] is that.
 */
static bool find_timekeeper(const struct la_door *door, uint64_t *ret)
{
	struct la_member m;
	uint64_t size;
	size_t own;

	if (door->symbol(door->ctx, "tk_core", ret) &&
	    door->symbol_size(door->ctx, "tk_core", &size) &&
	    door->type_size(door->ctx, "timekeeper", &own) && own <= size && size - own < own) {
		*ret += size - own;
		return true;
	}
	if ((!door->symbol(door->ctx, "tk_core", ret) &&
	     !door->symbol(door->ctx, "timekeeper_data", ret)) ||
	    !door->member(door->ctx, "tk_data", "timekeeper", &m))
		return false;
	*ret += m.offset;
	return true;
}

/* Both halves of a struct timespec64. */
static enum la_status read_pair(const struct la_kernel *k, uint64_t at, int64_t ret[2],
				struct la_error *err)
{
	return la_read(k, at, ret, 2 * sizeof(*ret), err);
}

enum la_status la_clock_read(const struct la_kernel *k, struct la_clock *ret, struct la_error *err)
{
	const struct la_door *door = k->door;
	struct la_member mono, nsec, shift, wall;
	uint64_t keeper, seconds, fine;
	enum la_status status;
	int64_t to_mono[2];
	uint32_t by;

	if (!find_timekeeper(door, &keeper) ||
	    !door->member(door->ctx, "timekeeper", "tkr_mono", &mono) ||
	    !door->member(door->ctx, "tk_read_base", "xtime_nsec", &nsec) ||
	    !door->member(door->ctx, "tk_read_base", "shift", &shift) ||
	    !door->member(door->ctx, "timekeeper", "wall_to_monotonic", &wall))
		return la_fail(err, LA_ABSENT, "this kernel has no timekeeper that is known here");
	status = la_read_member(k, keeper, "timekeeper", "xtime_sec", &seconds, err);
	if (status == LA_OK)
		status = la_read_u64(k, keeper + mono.offset + nsec.offset, &fine, err);
	if (status == LA_OK)
		status = la_read_u32(k, keeper + mono.offset + shift.offset, &by, err);
	if (status == LA_OK)
		status = read_pair(k, keeper + wall.offset, to_mono, err);
	if (status != LA_OK)
		return la_fail(err, status, "timekeeper");
	/* Before timekeeping_init() all is 0; a year beyond 9999, or a nanosecond beyond a second or two, is none. */
	if (by > 32 || fine >> by > 2 * NSEC || !seconds || seconds > UINT64_C(253402300800) ||
	    to_mono[1] < 0 || (uint64_t)to_mono[1] >= NSEC || to_mono[0] > 0 ||
	    to_mono[0] < -(int64_t)seconds - 1)
		return la_fail(err, LA_CORRUPT, "timekeeper: no time is there");
	ret->date = (int64_t)seconds;
	ret->uptime_ns = (uint64_t)((int64_t)seconds + to_mono[0]) * NSEC + (fine >> by) +
			 (uint64_t)to_mono[1];
	return LA_OK;
}
