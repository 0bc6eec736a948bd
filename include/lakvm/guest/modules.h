/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The modules of the guest's kernel as its memory has them: the list "modules", each one's struct module, and the
 * symbol table that the kernel keeps of it for its own traces (CONFIG_KALLSYMS). Layouts are vmlinux's.
 * Source: Linux include/linux/module.h and kernel/module/ (5.19 to 7.2).
 */
#ifndef LAKVM_GUEST_MODULES_H
#define LAKVM_GUEST_MODULES_H

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"
#include "lakvm/door/modules.h"
#include "lakvm/guest/kernel.h"

/**
 * All modules with their symbols, and BPF's code, in @arena. What cannot be read is left out, and @ret->remark says so; the work
 * and the memory are bounded whatever the guest holds. LA_ABSENT: this kernel has no modules, or vmlinux does
 * not tell where they are. LA_NOMEM. Else LA_OK, also where the list is damaged: what stands before counts.
 */
enum la_status la_modules_read(const struct la_kernel *k, struct la_arena *arena,
			       struct la_modules *ret, struct la_error *err);

/**
 * Into @ret->bpf the code of BPF programs and trampolines, in @arena; what cannot be read is left out. LA_ABSENT: this
 * kernel has none, or vmlinux does not tell where. LA_NOMEM.
 */
enum la_status la_bpf_read(const struct la_kernel *k, struct la_arena *arena,
			   struct la_modules *ret, struct la_error *err);

/** Address of the struct module that has @address. LA_ABSENT, LA_CORRUPT as la_module_find() has them. */
enum la_status la_module_at(const struct la_kernel *k, uint64_t address, uint64_t *ret,
			    struct la_error *err);

/**
 * The module that has @address, without symbols: as far as that is known, its name and version. LA_ABSENT: none
 * has it, or nobody knows. LA_CORRUPT: the list is damaged before one that has it.
 */
enum la_status la_module_find(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			      struct la_module *ret, struct la_error *err);

#endif
