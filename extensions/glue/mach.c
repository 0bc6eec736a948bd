// SPDX-License-Identifier: GPL-3.0-or-later
// mach: crash counts online CPUs, of which panic() leaves one, and knows neither the levels of
// the page tables nor the windows.
#include "crash.h"
#include "glue.h"

#include <inttypes.h>

static void cmd_mach_hook(void)
{
	const struct la_kernel *kernel = session_kernel(NULL);
	char text[BUFSIZE];
	ulong mhz;

	if (getopt(argcnt, args, "") != EOF || args[optind])
		cmd_usage(pc->curcmd, SYNOPSIS);

	fprintf(fp, "       MACHINE TYPE: %s\n", kt->utsname.machine);
	fprintf(fp, "        MEMORY SIZE: %s\n", get_memory_size(text));
	fprintf(fp, "               CPUS: %d", kt->cpus);
	if (get_cpus_online() > 0 && get_cpus_online() < kt->cpus)
		fprintf(fp, " [OFFLINE: %d]", kt->cpus - get_cpus_online());
	fprintf(fp, "\n    PROCESSOR SPEED: ");
	mhz = machdep->processor_speed();
	if (mhz)
		fprintf(fp, "%ld Mhz\n", mhz);
	else
		fprintf(fp, "(unknown)\n");
	fprintf(fp, "                 HZ: %d\n", machdep->hz);
	fprintf(fp, "          PAGE SIZE: %d\n", PAGESIZE());
	if (kernel) {
		fprintf(fp, "  PAGE TABLE LEVELS: %u\n", kernel->mmu.geometry.levels);
		fprintf(fp, "    LAYOUT KNOWN BY: ");
		for (size_t i = 0; i < kernel->nwitnesses; i++)
			fprintf(fp, "%s%s", i ? ", " : "", kernel->witness[i].name);
		fprintf(fp, "\n");
		for (int i = 0; i < LA_NDMW; i++)
			if (kernel->mmu.dmw[i])
				fprintf(fp, "       WINDOW DMW%d: %016" PRIx64 "\n", i,
					kernel->mmu.dmw[i]);
	}
	fprintf(fp, "MEMORY SECTION SIZE: %ld MB\n", 1L << (machdep->section_size_bits - 20));
	fprintf(fp, "KERNEL VMALLOC BASE: %lx\n", vt->vmalloc_start);
	fprintf(fp, "  KERNEL STACK SIZE: %ld\n", STACKSIZE());
}

void mach_install(void)
{
	REPAIR("mach", machdep->cmd_mach, cmd_mach_hook);
}
