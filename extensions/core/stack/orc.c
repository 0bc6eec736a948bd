// SPDX-License-Identifier: GPL-3.0-or-later
// ORC: for each range of code, where the caller's stack pointer, frame pointer and return address
// are. Two parallel tables, sorted by address: .orc_unwind_ip has the ranges' starts (int32,
// relative to the element itself), .orc_unwind what holds there. Each module has its own.
// Source: Linux arch/loongarch/kernel/unwind_orc.c and include/asm/orc_types.h (6.9 to 7.2: the
// same). The port of 4.19 by the vendor has another struct orc_entry, with a member "end".
#include "orc.h"

#include "base/bytes.h"
#include "lakvm/guest/modules.h"

#define ENTRY_SIZE 8
#define MAX_ENTRIES (1u << 24) /* far above any kernel's (defconfig 6.12: 284326) */

enum { REG_UNDEFINED, REG_PREV_SP, REG_SP, REG_FP };
enum { TYPE_CALL = 2 };

struct table {
	uint64_t ip, entry; /* addresses of the two */
	uint64_t n;
};

/* A dump may leave out what the file has. */
static bool read_table(const struct la_kernel *k, uint64_t va, void *ret, size_t len)
{
	return la_read(k, va, ret, len, NULL) == LA_OK ||
	       (k->door->file_bytes && k->door->file_bytes(k->door->ctx, va, ret, len) == len);
}

static bool start_of(const struct la_kernel *k, const struct table *t, uint64_t i, uint64_t *ret)
{
	const uint64_t at = t->ip + 4 * i;
	unsigned char word[4];

	if (!read_table(k, at, word, sizeof(word)))
		return false;
	*ret = at + (uint64_t)(int64_t)(int32_t)la_le32(word);
	return true;
}

/* The kernel's own tables. False, without a reason: it has none. */
static bool kernel_table(const struct la_kernel *k, struct table *ret, const char **why_ret)
{
	const struct la_door *door = k->door;
	uint64_t ip_end, entry_end;
	struct la_member end;
	size_t size;

	if (!door->symbol(door->ctx, "__start_orc_unwind_ip", &ret->ip) ||
	    !door->symbol(door->ctx, "__stop_orc_unwind_ip", &ip_end) ||
	    !door->symbol(door->ctx, "__start_orc_unwind", &ret->entry) ||
	    !door->symbol(door->ctx, "__stop_orc_unwind", &entry_end))
		return false;
	ret->n = (ip_end - ret->ip) / 4;
	if (door->member(door->ctx, "orc_entry", "end", &end) ||
	    (door->type_size(door->ctx, "orc_entry", &size) && size != ENTRY_SIZE)) {
		*why_ret = "its ORC tables are of an unknown format";
		return false;
	}
	if (!ret->n || ret->n > MAX_ENTRIES || (entry_end - ret->entry) / ENTRY_SIZE != ret->n) {
		*why_ret = "its ORC tables do not fit together";
		return false;
	}
	return true;
}

/* What struct mod_arch_specific says of a module's tables. */
static bool module_orcs(const struct la_kernel *k, uint64_t arch, struct table *ret,
			const char **why_ret)
{
	static const char type[] = "mod_arch_specific";
	enum la_status status = la_read_member(k, arch, type, "orc_unwind_ip", &ret->ip, NULL);

	if (status == LA_OK)
		status = la_read_member(k, arch, type, "orc_unwind", &ret->entry, NULL);
	if (status == LA_OK)
		status = la_read_member(k, arch, type, "num_orcs", &ret->n, NULL);
	if (status != LA_OK && status != LA_ABSENT)
		*why_ret = "its module's ORC tables cannot be found";
	else if (status == LA_OK && ret->n > MAX_ENTRIES)
		*why_ret = "its module's ORC tables are damaged";
	return status == LA_OK && ret->n && ret->n <= MAX_ENTRIES;
}

static bool module_table(const struct la_kernel *k, uint64_t code, struct table *ret,
			 const char **why_ret)
{
	const struct la_door *door = k->door;
	struct la_member arch;
	uint64_t module;

	if (!door->member(door->ctx, "module", "arch", &arch))
		return false;
	switch (la_module_at(k, code, &module, NULL)) {
	case LA_OK:
		return module_orcs(k, module + arch.offset, ret, why_ret);
	case LA_ABSENT:
		return false;
	default:
		*why_ret = "the list of modules is damaged";
		return false;
	}
}

/* How many elements start at or below @code: the last of them holds there. False: not readable. */
static bool search(const struct la_kernel *k, const struct table *t, uint64_t code, uint64_t *ret)
{
	uint64_t low = 0, high = t->n, start;

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;

		if (!start_of(k, t, middle, &start))
			return false;
		if (start <= code)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return true;
}

static struct la_rule at_cfa(unsigned reg, const unsigned char *offset)
{
	if (reg == REG_UNDEFINED)
		return (struct la_rule){ LA_RULE_SAME, 0 };
	if (reg == REG_PREV_SP)
		return (struct la_rule){ LA_RULE_AT_CFA, (int16_t)la_le16(offset) };
	return (struct la_rule){ LA_RULE_UNKNOWN, 0 };
}

/*
 * Entries of other types are of code that no call leads to: exception entries, which exception.c
 * knows, and where stacks begin.
 */
static bool decode(const unsigned char *entry, struct la_cfi_row *ret)
{
	const unsigned sp_reg = entry[6] & 15, fp_reg = entry[6] >> 4, ra_reg = entry[7] & 15;

	if ((entry[7] >> 4 & 7) != TYPE_CALL || (sp_reg != REG_SP && sp_reg != REG_FP))
		return false;
	*ret = (struct la_cfi_row){
		.cfa_reg = sp_reg == REG_SP ? LA_R_SP : LA_R_FP,
		.cfa_offset = sp_reg == REG_SP ? (int16_t)la_le16(entry) : 0,
	};
	ret->rule[LA_R_FP] = at_cfa(fp_reg, entry + 2);
	ret->rule[LA_R_RA] = at_cfa(ra_reg, entry + 4);
	for (unsigned r = LA_R_S0; r < LA_NGPR; r++)
		ret->rule[r].kind = LA_RULE_UNKNOWN;
	return true;
}

bool la_orc_row(const struct la_kernel *k, uint64_t code, struct la_cfi_row *ret,
		const char **why_ret)
{
	unsigned char entry[ENTRY_SIZE];
	uint64_t first, last, i;
	struct table t;

	*why_ret = NULL;
	if (!kernel_table(k, &t, why_ret))
		return false;
	*why_ret = "its ORC tables cannot be read";
	if (!start_of(k, &t, 0, &first) || !start_of(k, &t, t.n - 1, &last))
		return false;
	if (code < first || code >= last) {
		*why_ret = NULL;
		if (!module_table(k, code, &t, why_ret))
			return false;
		*why_ret = "its module's ORC tables cannot be read";
	}
	if (!search(k, &t, code, &i) ||
	    (i && !read_table(k, t.entry + ENTRY_SIZE * (i - 1), entry, ENTRY_SIZE)))
		return false;
	*why_ret = NULL;
	return i && decode(entry, ret);
}
