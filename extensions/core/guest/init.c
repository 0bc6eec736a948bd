// SPDX-License-Identifier: GPL-3.0-or-later
// What the guest's kernel says of itself in memory.
#include "lakvm/guest/init.h"

#include <inttypes.h>

#include "geometry.h"
#include "lakvm/guest/vmcoreinfo.h"

static enum la_status init_cpus(struct la_kernel *k, struct la_arena *arena, struct la_error *err)
{
	uint64_t n = 0, offsets, *percpu;
	enum la_status status;

	status = la_read_variable(k, "nr_cpu_ids", 4, &n, err);
	if (status != LA_OK || n == 0 || n > LA_MAX_CPUS) {
		/* a kernel for one CPU has no such variable, and one CPU there always is */
		k->ncpus = 1;
		return status == LA_OK ? la_fail(err, LA_CORRUPT, "nr_cpu_ids is %" PRIu64, n) :
					 status;
	}
	k->ncpus = (unsigned)n;

	if (!k->door->symbol(k->door->ctx, "__per_cpu_offset", &offsets))
		return la_fail(err, LA_ABSENT, "this kernel has no __per_cpu_offset");
	percpu = la_alloc_n(arena, n, sizeof(*percpu));
	if (!percpu)
		return la_fail(err, LA_NOMEM, "__per_cpu_offset");
	status = la_read(k, offsets, percpu, n * sizeof(*percpu), err);
	if (status != LA_OK)
		return la_fail(err, status, "__per_cpu_offset");
	/* Until setup_per_cpu_areas() has run the array is zero. */
	k->percpu_unset = !percpu[0];
	if (!percpu[0])
		return la_fail(err, LA_ABSENT, "the guest has set up no per-CPU areas");
	k->percpu = percpu;
	return LA_OK;
}

static const char *whose_vmcoreinfo(const struct la_door *door, struct la_arena *arena)
{
	const char *release;
	size_t n;

	if (!la_vmcoreinfo_get(door->vmcoreinfo, door->vmcoreinfo_size, "OSRELEASE", &release, &n))
		n = 0;
	return la_format(arena,
			 "the VMCOREINFO in the dump is another kernel's%s%.*s: it is not used",
			 n ? ", " : "", (int)(n < 80 ? n : 80), n ? release : "");
}

enum la_status la_kernel_init(struct la_kernel *ret, const struct la_door *door,
			      struct la_arena *arena, struct la_error *err)
{
	struct la_member m;
	enum la_status status;

	*ret = (struct la_kernel){ .door = door };
	la_geometry_windows(ret);
	la_vmcoreinfo_read(ret, arena, &ret->vmcoreinfo, &ret->vmcoreinfo_len, NULL);
	if (!la_vmcoreinfo_fits(ret))
		ret->vmcoreinfo_remark = whose_vmcoreinfo(door, arena);
	status = la_geometry_find(ret, arena, err);
	if (status != LA_OK && status != LA_UNSUPPORTED)
		return status;
	/* THREAD_INFO_IN_TASK: 7.2 and later. Kernels before are asked for what they have, because to
	 * find that there is no such member takes gdb very long. */
	ret->thread_info_in_task = !door->member(door->ctx, "thread_info", "task", &m) &&
				   door->member(door->ctx, "task_struct", "thread_info", &m);
	init_cpus(ret, arena, status == LA_OK ? err : NULL);
	return LA_OK;
}
