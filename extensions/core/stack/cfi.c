// SPDX-License-Identifier: GPL-3.0-or-later
// Call-frame information of vmlinux. elfutils finds, maps and (where it is compressed) inflates
// .debug_frame and takes its entries apart; the rows are computed here, because libdw's own
// dwarf_cfi_addrframe() wants a back end of the machine, which elfutils has for LoongArch only
// since 0.190, while dwarf_next_cfi() needs none.
// Source: DWARF 5, 6.4. The kernel's entries use advance_loc, offset, restore, def_cfa*,
// remember_state and restore_state only.
#include "cfi.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "door/elf_file.h"
#include "lakvm/base/jump.h"
#include "lakvm/stack/cfi.h"

#define CACHE_SIZE 1024     /* rows; a power of two */
#define MAX_REMEMBERED 8    /* depth of remember_state; compilers nest it once */
#define MAX_FDES (1u << 22) /* far above any kernel's (Debian 7.2: 48168) */

struct fde {
	uint64_t start, size; /* addresses in the file */
	uint64_t offset;      /* of the FDE in the section */
};

struct cached {
	uint64_t pc; /* 0 = empty; code never starts there */
	bool found;
	struct la_cfi_row row;
};

struct la_cfi {
	struct la_elf_file *file;
	Elf_Data *data; /* of .debug_frame */
	unsigned char ident[EI_NIDENT];
	uint64_t relocation;
	struct fde *fde; /* sorted by start */
	size_t n;
	struct cached cache[CACHE_SIZE];
};

/* The part of a row that instructions change. */
struct state {
	uint8_t cfa_reg;
	int64_t cfa_offset;
	bool cfa_known;
	struct la_rule rule[LA_NGPR];
};

struct program {
	const unsigned char *at, *end;
};

static bool take(struct program *p, size_t len, const unsigned char **ret)
{
	if (len > (size_t)(p->end - p->at))
		return false;
	*ret = p->at;
	p->at += len;
	return true;
}

static bool uleb(struct program *p, uint64_t *ret)
{
	const unsigned char *byte;

	*ret = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!take(p, 1, &byte))
			return false;
		*ret |= (uint64_t)(*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return true;
	}
	return false;
}

static bool sleb(struct program *p, int64_t *ret)
{
	const unsigned char *byte;
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!take(p, 1, &byte))
			return false;
		value |= (uint64_t)(*byte & 0x7f) << shift;
		if (*byte & 0x80)
			continue;
		if (*byte & 0x40 && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		*ret = (int64_t)value;
		return true;
	}
	return false;
}

static void set_rule(struct state *s, uint64_t reg, enum la_rule_kind kind, int64_t offset)
{
	if (reg >= LA_NGPR)
		return; /* floating point: the kernel's unwinding does not need it */
	if (offset != (int32_t)offset)
		kind = LA_RULE_UNKNOWN;
	s->rule[reg] = (struct la_rule){ (uint8_t)kind, (int32_t)offset };
}

/* Scaled offsets are small; anything else is damage and must not overflow on the way. */
static int64_t scaled(uint64_t factor, const Dwarf_CIE *cie)
{
	return (int64_t)(factor * (uint64_t)cie->data_alignment_factor);
}

static bool advance(uint64_t *loc, uint64_t delta, const Dwarf_CIE *cie)
{
	*loc += delta * cie->code_alignment_factor;
	return true;
}

struct run {
	const Dwarf_CIE *cie;
	const struct state *initial; /* what restore goes back to; NULL while it is computed */
	struct state state;
	struct state remembered[MAX_REMEMBERED];
	unsigned depth;
	uint64_t loc;
};

/* One of the three opcodes that carry an operand in their low six bits. */
static bool packed_op(struct run *r, struct program *p, uint8_t op)
{
	uint64_t value;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		return advance(&r->loc, op & 0x3f, r->cie);
	case DW_CFA_offset:
		if (!uleb(p, &value))
			return false;
		set_rule(&r->state, op & 0x3f, LA_RULE_AT_CFA, scaled(value, r->cie));
		return true;
	default: /* DW_CFA_restore */
		if (!r->initial || (op & 0x3f) >= LA_NGPR)
			return false;
		r->state.rule[op & 0x3f] = r->initial->rule[op & 0x3f];
		return true;
	}
}

static bool advance_op(struct run *r, struct program *p, uint8_t op)
{
	const unsigned char *bytes;
	size_t len = op == DW_CFA_advance_loc1 ? 1 : op == DW_CFA_advance_loc2 ? 2 : 4;

	if (!take(p, len, &bytes))
		return false;
	return advance(&r->loc,
		       len == 1 ? *bytes :
		       len == 2 ? la_le16(bytes) :
				  la_le32(bytes),
		       r->cie);
}

static bool cfa_op(struct run *r, struct program *p, uint8_t op)
{
	struct state *s = &r->state;
	uint64_t reg, offset;
	int64_t soffset;

	if (op == DW_CFA_def_cfa || op == DW_CFA_def_cfa_register || op == DW_CFA_def_cfa_sf) {
		if (!uleb(p, &reg) || reg >= LA_NGPR)
			return false;
		s->cfa_reg = (uint8_t)reg;
	}
	if (op == DW_CFA_def_cfa || op == DW_CFA_def_cfa_offset) {
		if (!uleb(p, &offset))
			return false;
		s->cfa_offset = (int64_t)offset;
	}
	if (op == DW_CFA_def_cfa_sf || op == DW_CFA_def_cfa_offset_sf) {
		if (!sleb(p, &soffset))
			return false;
		s->cfa_offset = scaled((uint64_t)soffset, r->cie);
	}
	s->cfa_known = true;
	return true;
}

static bool rule_op(struct run *r, struct program *p, uint8_t op)
{
	enum la_rule_kind kind = LA_RULE_AT_CFA;
	uint64_t reg, offset = 0;
	int64_t soffset = 0;

	if (!uleb(p, &reg))
		return false;
	switch (op) {
	case DW_CFA_val_offset:
	case DW_CFA_offset_extended:
		if (!uleb(p, &offset))
			return false;
		break;
	case DW_CFA_val_offset_sf:
	case DW_CFA_offset_extended_sf:
		if (!sleb(p, &soffset))
			return false;
		offset = (uint64_t)soffset;
		break;
	case DW_CFA_undefined:
		kind = LA_RULE_UNKNOWN;
		break;
	case DW_CFA_same_value:
		kind = LA_RULE_SAME;
		break;
	case DW_CFA_register: /* moved to another register: not seen, not followed */
		kind = LA_RULE_UNKNOWN;
		if (!uleb(p, &offset))
			return false;
		offset = 0;
		break;
	case DW_CFA_restore_extended:
		if (!r->initial || reg >= LA_NGPR)
			return false;
		r->state.rule[reg] = r->initial->rule[reg];
		return true;
	}
	if (op == DW_CFA_val_offset || op == DW_CFA_val_offset_sf)
		kind = LA_RULE_CFA_PLUS;
	set_rule(&r->state, reg, kind, scaled(offset, r->cie));
	return true;
}

/* DW_CFA_expression and the like: skip the block, give up the register (or the CFA). */
static bool expression_op(struct run *r, struct program *p, uint8_t op)
{
	const unsigned char *block;
	uint64_t reg = LA_NGPR, len;

	if (op == DW_CFA_def_cfa_expression)
		r->state.cfa_known = false;
	else if (!uleb(p, &reg))
		return false;
	if (!uleb(p, &len) || len > (uint64_t)(p->end - p->at) || !take(p, (size_t)len, &block))
		return false;
	set_rule(&r->state, reg, LA_RULE_UNKNOWN, 0);
	return true;
}

static bool plain_op(struct run *r, struct program *p, uint8_t op)
{
	const unsigned char *bytes;

	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_set_loc:
		if (!take(p, 8, &bytes))
			return false;
		r->loc = la_le64(bytes);
		return true;
	case DW_CFA_advance_loc1:
	case DW_CFA_advance_loc2:
	case DW_CFA_advance_loc4:
		return advance_op(r, p, op);
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_register:
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_offset_sf:
		return cfa_op(r, p, op);
	case DW_CFA_def_cfa_expression:
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		return expression_op(r, p, op);
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_register:
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
	case DW_CFA_restore_extended:
		return rule_op(r, p, op);
	case DW_CFA_remember_state:
		if (r->depth == MAX_REMEMBERED)
			return false;
		r->remembered[r->depth++] = r->state;
		return true;
	case DW_CFA_restore_state:
		if (!r->depth)
			return false;
		r->state = r->remembered[--r->depth];
		return true;
	}
	return false;
}

/* Run a program until it passes @pc. Every step consumes a byte, so it ends. */
static bool run_program(struct run *r, struct program p, uint64_t pc)
{
	while (p.at < p.end) {
		const uint64_t before = r->loc;
		uint8_t op = *p.at++;
		bool moves = (op & 0xc0) == DW_CFA_advance_loc ||
			     (op >= DW_CFA_set_loc && op <= DW_CFA_advance_loc4);

		if (!(op & 0xc0 ? packed_op(r, &p, op) : plain_op(r, &p, op)))
			return false;
		if (moves && r->loc < before)
			return false; /* only forward */
		if (moves && r->loc > pc)
			return true;
	}
	return true;
}

static const struct fde *find_fde(const struct la_cfi *cfi, uint64_t pc)
{
	size_t low = 0, high = cfi->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (cfi->fde[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || pc - cfi->fde[low - 1].start >= cfi->fde[low - 1].size)
		return NULL;
	return &cfi->fde[low - 1];
}

static bool compute(struct la_cfi *cfi, uint64_t pc, struct la_cfi_row *ret)
{
	uint64_t file_pc = pc - cfi->relocation;
	const struct fde *fde = find_fde(cfi, file_pc);
	struct run run = { .initial = NULL };
	Dwarf_CFI_Entry entry, cie;
	struct state initial;
	Dwarf_Off next;

	if (!fde || dwarf_next_cfi(cfi->ident, cfi->data, false, fde->offset, &next, &entry) ||
	    dwarf_cfi_cie_p(&entry) ||
	    dwarf_next_cfi(cfi->ident, cfi->data, false, entry.fde.CIE_pointer, &next, &cie) ||
	    !dwarf_cfi_cie_p(&cie))
		return false;
	/* An augmentation would add data that we would run as instructions; the kernel has none. */
	if (cie.cie.augmentation[0] || cie.cie.return_address_register != LA_R_RA ||
	    entry.fde.end - entry.fde.start < 16)
		return false;

	run.cie = &cie.cie;
	if (!run_program(&run,
			 (struct program){ cie.cie.initial_instructions,
					   cie.cie.initial_instructions_end },
			 ~UINT64_C(0)))
		return false;
	initial = run.state;
	run.initial = &initial;
	run.loc = fde->start;
	if (!run_program(&run, (struct program){ entry.fde.start + 16, entry.fde.end }, file_pc))
		return false;
	if (!run.state.cfa_known || run.state.cfa_offset != (int32_t)run.state.cfa_offset)
		return false;

	ret->fde_start = fde->start + cfi->relocation;
	ret->fde_end = ret->fde_start + fde->size;
	ret->cfa_reg = run.state.cfa_reg;
	ret->cfa_offset = (int32_t)run.state.cfa_offset;
	memcpy(ret->rule, run.state.rule, sizeof(ret->rule));
	return true;
}

bool la_cfi_row(struct la_cfi *cfi, uint64_t pc, struct la_cfi_row *ret)
{
	struct cached *c;

	if (!cfi || !pc)
		return false;
	/* Many CPUs stand in the same few places; neighbours differ in the low bits. */
	c = &cfi->cache[pc >> 2 & (CACHE_SIZE - 1)];
	if (c->pc != pc) {
		LA_WITHDRAW(c->pc);
		c->found = compute(cfi, pc, &c->row) && la_elf_file_sound(cfi->file);
		LA_PUBLISH(c->pc, pc);
	}
	if (c->found)
		*ret = c->row;
	return c->found;
}

static int compare_fde(const void *left, const void *right)
{
	const struct fde *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* Index all FDEs; a damaged section gives what lies before the damage. */
static enum la_status index_fdes(struct la_cfi *cfi, struct la_error *err)
{
	size_t room = 0;
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry;
	bool sorted = true;

	while (cfi->n < MAX_FDES &&
	       !dwarf_next_cfi(cfi->ident, cfi->data, false, offset, &next, &entry)) {
		struct fde fde = { .offset = offset };

		if (next <= offset)
			break;
		offset = next;
		if (dwarf_cfi_cie_p(&entry) || entry.fde.end - entry.fde.start < 16)
			continue;
		fde.start = la_le64(entry.fde.start);
		fde.size = la_le64(entry.fde.start + 8);
		if (!fde.start || !fde.size)
			continue; /* of a function that the linker dropped */
		if (cfi->n == room) {
			struct fde *more;

			room = room ? 2 * room : 16384;
			more = realloc(cfi->fde, room * sizeof(*more));
			if (!more)
				return la_fail(err, LA_NOMEM, "%zu call-frame entries", room);
			cfi->fde = more;
		}
		sorted = sorted && (!cfi->n || cfi->fde[cfi->n - 1].start <= fde.start);
		cfi->fde[cfi->n++] = fde;
	}
	if (!sorted)
		qsort(cfi->fde, cfi->n, sizeof(*cfi->fde), compare_fde);
	return LA_OK;
}

static enum la_status open_section(struct la_cfi *cfi, const char *path, struct la_error *err)
{
	const char *ident;
	enum la_status status = la_elf_file_open(&cfi->file, path, err);

	if (status == LA_OK)
		status = la_elf_file_section(cfi->file, ".debug_frame", &cfi->data, err);
	if (status != LA_OK)
		return la_fail(err, status, "%s", path);
	ident = elf_getident(la_elf_file_elf(cfi->file), NULL);
	memcpy(cfi->ident, ident, EI_NIDENT);
	return LA_OK;
}

static enum la_status open_frames(struct la_kernel *k, struct la_error *err)
{
	enum la_status status;

	la_cfi_close(k);
	if (!k->door->vmlinux)
		return la_fail(err, LA_ABSENT, "no vmlinux for call-frame information");
	k->cfi = calloc(1, sizeof(*k->cfi));
	if (!k->cfi)
		return la_fail(err, LA_NOMEM, "call-frame information");
	k->cfi->relocation = k->door->relocation;
	status = open_section(k->cfi, k->door->vmlinux, err);
	if (status == LA_OK)
		status = index_fdes(k->cfi, err);
	if (status != LA_OK)
		la_cfi_close(k);
	return status;
}

enum la_status la_cfi_open(struct la_kernel *k, struct la_error *err)
{
	enum la_status status;
	sigset_t before;

	la_hold(&before);
	status = open_frames(k, err);
	la_release(&before);
	return status;
}

void la_cfi_close(struct la_kernel *k)
{
	sigset_t before;

	if (!k->cfi)
		return;
	la_hold(&before);
	free(k->cfi->fde);
	la_elf_file_close(k->cfi->file);
	free(k->cfi);
	k->cfi = NULL;
	la_release(&before);
}
