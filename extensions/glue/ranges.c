// SPDX-License-Identifier: GPL-3.0-or-later
// Where the kernel's address ranges lie. crash takes all from vmalloc_start on for page-mapped memory
// (defs.h, IS_VMALLOC_ADDR), which leaves out the modules, that lie below; and everything between
// 0x8000000000000000 and there for one copy of RAM, which is in the cached window.
#include "crash.h"
#include "glue.h"

#include "lakvm/dump/dump.h"
#include "lakvm/guest/vmcoreinfo.h"

#define CACHED_BASE ((uint64_t)LA_CACHED_WINDOW << 60)
#define PCI_IOSIZE (32UL << 20) /* asm/addrspace.h; a constant of asm/io.h before 6.6 */

/*
 * VMALLOC_START. Without VMCOREINFO crash reads vmlist, which is __initdata and poisoned once the guest
 * has booted, and then exits (memory.c, first_vmalloc_address).
 */
ulong ranges_vmalloc_start(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	uint64_t start, head, first;
	struct la_member list;

	if (!kernel)
		return 0;
	if (la_vmcoreinfo_number(kernel->vmcoreinfo, kernel->vmcoreinfo_len,
				 "NUMBER(VMALLOC_START)", false, &start))
		return start;
	/* Kernels before 6.9 keep their areas in a list sorted by address (mm/vmalloc.c). */
	if (kernel->door->symbol(kernel->door->ctx, "vmap_area_list", &head) &&
	    kernel->door->member(kernel->door->ctx, "vmap_area", "list", &list) &&
	    la_read_u64(kernel, head, &first, NULL) == LA_OK && first != head &&
	    la_read_member(kernel, first - list.offset, "vmap_area", "va_start", &start, NULL) ==
		    LA_OK)
		return start;
	return 0; /* nothing was allocated yet, or nobody knows: crash then counts nothing as vmalloc */
}

/* MODULES_VADDR of asm/pgtable.h, the same from 5.19 to 7.2. */
ulong ranges_modules_start(void)
{
	struct la_kernel *kernel = session_kernel(NULL);

	return kernel && kernel->mmu.vm_map_base && kernel->mmu.geometry.levels ?
		       kernel->mmu.vm_map_base + PCI_IOSIZE +
			       (2UL << kernel->mmu.geometry.page_shift) :
		       0;
}

static ulong vmalloc_start_hook(void)
{
	const ulong modules = ranges_modules_start(), start = ranges_vmalloc_start();

	return modules && (!start || modules < start) ? modules : start;
}

/* For search. Module and vmalloc memory is found area by area, struct pages in RAM. */
static int kvaddr_ranges_hook(struct vaddr_range *ret)
{
	struct la_kernel *kernel = session_kernel(NULL);
	int n = 0;

	if (!kernel || !kernel->door->nram)
		return generic_get_kvaddr_ranges(ret);
	ret[n++] = (struct vaddr_range){
		.start = CACHED_BASE | kernel->door->ram[0].start,
		.end = CACHED_BASE | kernel->door->ram[kernel->door->nram - 1].end,
		.type = KVADDR_UNITY_MAP,
	};
	if (vt->vmalloc_start)
		ret[n++] = (struct vaddr_range){ .start = vt->vmalloc_start,
						 .end = ~0UL,
						 .type = KVADDR_VMALLOC };
	return n;
}

void ranges_adopt(void)
{
	const ulong start = vmalloc_start_hook();

	if (start)
		REPAIR("start of page-mapped memory", vt->vmalloc_start, start);
}

void ranges_install(void)
{
	REPAIR("start of page-mapped memory", machdep->vmalloc_start, vmalloc_start_hook);
	REPAIR("ranges of kernel addresses", machdep->get_kvaddr_ranges, kvaddr_ranges_hook);
}
