// SPDX-License-Identifier: GPL-3.0-or-later
// mach: crash counts online CPUs, of which panic() leaves one, and knows neither the levels of
// the page tables nor the windows.
#include "crash.h"
#include "glue.h"

#include <inttypes.h>

static void print_base(const char *name, ulong value)
{
	if (value)
		fprintf(fp, "%s: %lx\n", name, value);
	else
		fprintf(fp, "%s: (unknown)\n", name);
}

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
	print_base("KERNEL VMALLOC BASE", ranges_vmalloc_start());
	print_base("KERNEL MODULES BASE", ranges_modules_start());
	fprintf(fp, "  KERNEL STACK SIZE: %ld\n", STACKSIZE());
}

static struct {
	cmd_func_t crash_help;
} here;

/* help -m: crash computes this one value when it prints it, for three levels (loongarch64.c, PGDIR_SHIFT). */
static void help_hook(void)
{
	const struct la_kernel *kernel = session_kernel(NULL);
	const unsigned levels = kernel ? kernel->mmu.geometry.levels : 0;
	char *output, *line, *end;

	if (!levels || argcnt != 2 || !STREQ(args[1], "-m")) {
		here.crash_help();
		return;
	}
	output = command_capture(here.crash_help, NULL);
	line = output ? strstr(output, "pgdir_shift: ") : NULL;
	end = line ? strchr(line, '\n') : NULL;
	if (end)
		fprintf(fp, "%.*spgdir_shift: %u%s", (int)(line - output), output,
			kernel->mmu.geometry.shift[levels - 1], end);
	else if (output)
		fputs(output, fp);
	free(output);
}

void numbers_install(void)
{
	here.crash_help = command_replace("help", help_hook);
	REPAIR("mach", machdep->cmd_mach, cmd_mach_hook);
}
