// SPDX-License-Identifier: GPL-3.0-or-later
// lacpus: what every vCPU was doing.
#include "crash.h"
#include "glue.h"

#include "lakvm/cpu/cpus.h"
#include "lakvm/render/render.h"

char *help_lacpus[] = {
	"lacpus",
	"what every vCPU of a LoongArch64 guest was doing",
	"[-g] [-b] [-i] [-v] [-j] [-c LIST] [-r FILE]",
	"  One line for each vCPU: its Linux CPU number, the number QEMU gave it, its state,",
	"  its task, and where it was. QEMU's dumps hold no program counter: the position is",
	"  found from the stack and says so.",
	" ",
	"    -g       also all general registers, and the control registers in words.",
	"    -b       then the stacks: one for all CPUs that stand alike, without the stack",
	"             addresses, which are each CPU's own.",
	"    -i       as -b, with the source position of each frame, and before it the functions",
	"             that the compiler inlined there. They have no frame and so no number.",
	"    -v       registers and stack with each CPU's line.",
	"    -c LIST  only these CPUs, e.g. 0,2-3.",
	"    -r FILE  use the text of QEMU's \"info registers -a\" of the same moment: it",
	"             has the program counters and control registers, which the dump lacks.",
	"    -j       one JSON object instead (schema lakvm.cpus/1), always with everything.",
	" ",
	"  The command also works in a minimal session, as long as the dump can be read.",
	"\nEXAMPLES",
	"  %s> lacpus",
	"  %s> lacpus -b -c 1",
	NULL
};

static struct {
	unsigned chosen[NR_CPUS];
} here;

/* The numbers of a list such as "0,2-3"; crash's make_cpumask() ends the command on an error. */
static size_t parse_list(char *list)
{
	ulong *mask = get_cpumask_buf();
	size_t n = 0;

	make_cpumask(list, mask, FAULT_ON_ERROR, NULL);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		if (NUM_IN_BITMAP(mask, cpu))
			here.chosen[n++] = cpu;
	FREEBUF(mask);
	return n;
}

/* JSON says null where the text has to say why. */
static const struct la_cpus *with_lines(struct la_kernel *kernel, struct la_arena *arena,
					const struct la_cpus *cpus,
					const struct la_render_options *options, bool quiet)
{
	const struct la_cpus *found = cpus;
	struct la_error err = { "" };

	if (session_lines(&err) == LA_OK) {
		found = la_cpus_lines(kernel, arena, cpus, options->only, options->nonly);
		if (!found)
			la_fail(&err, LA_NOMEM, "source positions: out of memory");
	}
	if (err.text[0] && !quiet)
		error(INFO, "%s\n", err.text);
	return found ? found : cpus;
}

void cmd_lacpus(void)
{
	struct la_render_options options = { .registers = false };
	const struct la_cpus *cpus;
	struct la_kernel *kernel;
	struct la_error err = { "" };
	const char *text = NULL;
	struct la_arena *arena;
	bool json = false;
	int c;

	while ((c = getopt(argcnt, args, "gbivjc:r:")) != EOF) {
		switch (c) {
		case 'g':
			options.registers = true;
			break;
		case 'b':
			options.stacks = true;
			break;
		case 'i':
			options.stacks = options.source = true;
			break;
		case 'v':
			options.registers = options.stacks = true;
			break;
		case 'j':
			json = true;
			break;
		case 'r':
			text = optarg;
			break;
		case 'c':
			options.only = here.chosen;
			options.nonly = parse_list(optarg);
			break;
		default:
			argerrs++;
			break;
		}
	}
	if (argerrs || args[optind])
		cmd_usage(pc->curcmd, SYNOPSIS);

	kernel = session_kernel(&err);
	arena = kernel ? command_memory() : NULL;
	if (!arena) {
		if (!kernel)
			error(INFO, "%s\n", err.text);
		return;
	}
	cpus = text ? command_cpus_with_text(kernel, arena, text) : session_cpus(&err);
	if (!cpus) {
		if (!text)
			error(INFO, "%s\n", err.text);
		return;
	}
	if (json || options.source)
		cpus = with_lines(kernel, arena, cpus, &options, json);
	if (!json)
		la_render_cpus_text(cpus, &options, command_sink());
	else if (la_render_cpus_json(cpus, &options, command_sink()) != LA_OK)
		error(INFO, "out of memory\n");
	command_memory_free();
}
