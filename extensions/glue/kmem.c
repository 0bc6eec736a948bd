// SPDX-License-Identifier: GPL-3.0-or-later
// kmem: what could not be read when crash started is said, because crash counts it as none; and the
// last two lines of kmem -i. crash adds a swap total that it never set on kernels without
// CONFIG_SWAP (memory.c, dump_kmeminfo: totalswap_pages), which made a commit limit of two
// billion gigabytes, and takes the shared half of a per-CPU counter for the whole of it.
#include "crash.h"
#include "glue.h"

#include <inttypes.h>

static struct {
	cmd_func_t crash_kmem;
} here;

/* Sum of a struct percpu_counter (lib/percpu_counter.c): the shared count and each CPU's part. */
static bool percpu_counter(const struct la_kernel *k, const char *name, int64_t *ret)
{
	uint64_t counter, parts, count;

	if (!k->door->symbol(k->door->ctx, name, &counter) ||
	    la_read_member(k, counter, "percpu_counter", "count", &count, NULL) != LA_OK)
		return false;
	*ret = (int64_t)count;
	if (la_read_member(k, counter, "percpu_counter", "counters", &parts, NULL) != LA_OK)
		return true; /* a kernel for one CPU has no parts */
	for (unsigned cpu = 0; k->percpu && cpu < k->ncpus; cpu++) {
		uint32_t part;

		if (la_read_u32(k, parts + k->percpu[cpu], &part, NULL) == LA_OK)
			*ret += (int32_t)part;
	}
	return true;
}

/* As vm_commit_limit() of mm/util.c. @total: TOTAL MEM as crash has printed it, in pages. */
static bool commit_limit(const struct la_kernel *k, ulong total, ulong huge, uint64_t *ret)
{
	uint64_t kbytes = 0, ratio, swap = 0;

	la_read_variable(k, "sysctl_overcommit_kbytes", 8, &kbytes, NULL);
	if (la_read_variable(k, "sysctl_overcommit_ratio", 4, &ratio, NULL) != LA_OK ||
	    huge > total)
		return false;
	la_read_variable(k, "total_swap_pages", 8, &swap, NULL);
	*ret = (kbytes ? kbytes >> (k->mmu.geometry.page_shift - 10) :
			 (total - huge) * ratio / 100) +
	       swap;
	return true;
}

static ulong number_behind(const char *output, const char *heading)
{
	const char *at = strstr(output, heading);

	return at ? strtoul(at + strlen(heading), NULL, 10) : 0;
}

static void print_line(const char *heading, uint64_t pages, const char *rest)
{
	char size[BUFSIZE];

	fprintf(fp, "%13s  %7" PRIu64 "  %11s  %s\n", heading, pages, pages_to_size(pages, size),
		rest);
}

static void print_corrected(const struct la_kernel *k, char *output)
{
	char percent[BUFSIZE], *end = strstr(output, " COMMIT LIMIT");
	uint64_t limit;
	int64_t committed;

	if (!end ||
	    !commit_limit(k, number_behind(output, "TOTAL MEM"),
			  number_behind(output, "TOTAL HUGE"), &limit) ||
	    !percpu_counter(k, "vm_committed_as", &committed)) {
		fputs(output, fp);
		return;
	}
	while (end > output && end[-1] != '\n')
		end--;
	*end = '\0';
	fputs(output, fp);
	if (committed < 0)
		committed = 0;
	print_line("COMMIT LIMIT", limit, "       ----");
	snprintf(percent, sizeof(percent), "%3" PRIu64 "%% of TOTAL LIMIT",
		 limit ? (uint64_t)committed * 100 / limit : 0);
	print_line("COMMITTED", (uint64_t)committed, percent);
}

static void tell_losses(void)
{
	if (sections_lost())
		error(INFO,
		      "the table of memory sections cannot be read: not all struct pages are found\n");
	if (vt->node_table && !vt->node_table->pgdat)
		error(INFO,
		      "the guest's memory nodes cannot be read: what is free in them is not known\n");
}

/* Up to 8.0.5 crash ends at the swap areas if they have neither swap_device nor old_block_size, which Linux 6.10 took away
 * (1bc542c6a0d1). It reads one of them for a column that only the command swap prints: any number will do for the sums. */
static bool lend_swap_member(void)
{
	if (VALID_MEMBER(swap_info_struct_swap_device) ||
	    VALID_MEMBER(swap_info_struct_old_block_size) || INVALID_MEMBER(swap_info_struct_flags))
		return false;
	ASSIGN_OFFSET(swap_info_struct_old_block_size) = OFFSET(swap_info_struct_flags);
	return true;
}

static void kmem_hook(void)
{
	struct la_kernel *kernel = session_kernel(NULL);
	char *output;
	bool done, lent;

	/* The correction is for the one option; -i among others prints a different page. */
	if (!kernel || argcnt != 2 || !STREQ(args[1], "-i")) {
		here.crash_kmem();
		tell_losses();
		return;
	}
	lent = lend_swap_member();
	output = command_capture(here.crash_kmem, &done);
	if (lent)
		ASSIGN_OFFSET(swap_info_struct_old_block_size) = INVALID_OFFSET;
	if (output && done)
		print_corrected(kernel, output);
	else if (output)
		fputs(output, fp);
	free(output);
	tell_losses();
}

void kmem_install(void)
{
	here.crash_kmem = command_replace("kmem", kmem_hook);
}
