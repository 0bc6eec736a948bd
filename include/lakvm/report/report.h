/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a dump says of itself without crash, and what is known of the guest's CPUs from saved
 * register text without a dump: the result behind ladump.
 */
#ifndef LAKVM_REPORT_H
#define LAKVM_REPORT_H

#include "lakvm/base/arena.h"
#include "lakvm/cpu/cpus.h"
#include "lakvm/dump/dump.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/guest/log.h"
#include "lakvm/guest/explain.h"
#include "lakvm/door/overrides.h"
#include "lakvm/guest/relocation.h"
#include "lakvm/guest/sections.h"
#include "lakvm/guest/usage.h"
#include "lakvm/base/status.h"
#include "lakvm/triage/panic.h"

struct la_report_options {
	const struct la_vcpu_regs *text; /* registers out of saved text, or NULL */
	size_t ntext;
	const char *text_remark;    /* of la_regs_text, or NULL */
	const struct la_host *host; /* what the host said, or NULL */
	struct la_overrides said;   /* what a person says of the guest */
	bool log;                   /* read the log too */
	bool panic;                 /* say why the guest died or hung, too */
	bool lines;                 /* open source positions too (lines.h) */
	/* Of a search for the kernel (la_relocation_search); may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct la_report {
	bool has_dump;
	struct la_mem_map map; /* valid with has_dump */
	/* Of the kernel; NULL and 0: unknown. */
	const char *release;
	const char *build_id; /* hexadecimal digits */
	const char *banner;
	uint64_t page_size;
	const char *vmcoreinfo; /* where VMCOREINFO was found: "note", "memory"; NULL: nowhere */
	bool has_vmlinux;
	struct la_relocation relocation; /* valid with has_vmlinux */
	/* A sentence on each of relocation.other (la_other_kernel_text). */
	const char *other[4];
	unsigned levels;       /* of the page tables; 0: unknown */
	const char **known_by; /* who was asked for page size and levels; the first is believed */
	size_t nknown_by;
	const char *layout_remark; /* who of them disagrees, or NULL */
	const char *
		levels_remark; /* what helps where the levels should be known and are not, or NULL */
	bool has_sections;
	struct la_sections sections; /* valid with has_sections, as far as la_sections_init says */
	struct la_cpus cpus;
	const char *cpus_reason; /* why there are none, or NULL */
	const char **note;       /* what the saved registers tell of each CPU's last exception */
	size_t nnotes;
	const char *modules_remark; /* what of the modules' symbols is not known, or NULL */
	struct la_panic panic;      /* if it was asked for */
	struct la_mem_use usage;    /* of map's cells; la_report_picture() */
	struct la_log log;          /* if it was asked for */
	const char *log_reason;     /* what of it could not be read, or NULL */
	struct la_kernel *kernel;   /* that all this was asked of; for la_report_close */
};

/**
 * Ask @dump (NULL: there is none), with the symbols of @vmlinux if that is not NULL and its kernel
 * is found in the dump; its door is relocated then (la_elf_door_relocate). Everything in @ret belongs to @arena, @dump and
 * @vmlinux, and refers to @opt; la_report_close gives back what is open. LA_NOMEM is the only failure.
 */
enum la_status la_report_make(struct la_dump *dump, struct la_elf_door *vmlinux,
			      const struct la_report_options *opt, struct la_arena *arena,
			      struct la_report *ret, struct la_error *err);
/**
 * Add what only a page with pictures has: source positions in all stacks (opt->lines), and what RAM is used for. What
 * cannot be had stays unknown. After la_report_make(), before la_report_close(); belongs to @arena.
 */
void la_report_picture(struct la_report *r, struct la_arena *arena);

void la_report_close(struct la_report *r);

#endif
