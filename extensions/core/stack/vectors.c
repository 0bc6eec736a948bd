// SPDX-License-Identifier: GPL-3.0-or-later
// Exception vectors and the handlers they were copied from, see vectors.h.
#include "vectors.h"

#include <string.h>

#include "base/bytes.h"
#include "isa/eval.h"
#include "isa/insn.h"
#include "steps.h"

#define VECTORS_SIZE (LA_VECTORS * LA_VECTOR_SIZE)
#define LEAST_ALIKE 16 /* bytes: the shortest handler has 20 (handle_sys) */
#define MAX_TEXT (UINT64_C(1) << 28)
#define CHUNK 4096
#define CSR_ERA 6
#define MAX_RETURN_CODE 1024 /* bytes from an entry to its ertn */
#define PT_REGS_CSRS 256     /* behind the 32 general registers of struct pt_regs */

struct la_vectors {
	uint64_t handler[LA_VECTORS]; /* 0: not known */
	unsigned char code[LA_VECTORS][LA_VECTOR_SIZE];
	bool has_code[LA_VECTORS];
	size_t alike[LA_VECTORS]; /* first bytes that are the same in code and handler */
};

/* --- by name --- */

/* The handler that slot n was copied from, for kernels without exception_table. */
static const char *const handlers[] = {
	NULL,
	"handle_tlb_load",
	"handle_tlb_store",
	"handle_tlb_load",
	"handle_tlb_modify",
	"handle_tlb_protect",
	"handle_tlb_protect",
	"handle_tlb_protect",
	"handle_ade",
	"handle_ale",
	"handle_bce",
	"handle_sys",
	"handle_bp",
	"handle_ri",
	"handle_ri",
	"handle_fpu",
	"handle_lsx",
	"handle_lasx",
	"handle_fpe",
	"handle_watch",
	"handle_lbt",
};

static uint64_t handler_by_name(const struct la_kernel *k, unsigned slot)
{
	const struct la_door *door = k->door;
	struct la_symbol symbol;
	uint64_t table, address;
	const char *name = NULL;

	if (slot == LA_VECTOR_TLB_REFILL) {
		name = "handle_tlb_refill";
	} else if (slot >= LA_VECTOR_FIRST_INT) {
		name = "handle_vint";
	} else {
		/* traps.c has the table since 6.9; tlb.c and traps.c copied one by one before. */
		if (door->symbol(door->ctx, "exception_table", &table) &&
		    la_read_u64(k, table + 8 * (uint64_t)slot, &address, NULL) == LA_OK &&
		    door->symbol_at(door->ctx, address, &symbol) && symbol.start == address)
			return address;
		if (slot < sizeof(handlers) / sizeof(handlers[0]))
			name = handlers[slot];
		if (!name)
			name = "handle_reserved";
	}
	return door->symbol(door->ctx, name, &address) ? address : 0;
}

/* --- by the copy --- */

static size_t common(const unsigned char *a, const unsigned char *b, size_t n)
{
	size_t i = 0;

	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static bool is_symbol(const struct la_kernel *k, uint64_t address)
{
	struct la_symbol symbol;

	return k->door->symbol_at(k->door->ctx, address, &symbol) && symbol.start == address;
}

/*
 * @address becomes the handler of sought slots whose code begins with more of its bytes than with
 * their handler's so far.
 */
static void compare(const struct la_kernel *k, struct la_vectors *v, const bool *sought,
		    uint64_t address, const unsigned char *code, size_t n)
{
	for (unsigned slot = 0; slot < LA_VECTORS; slot++) {
		const size_t alike = sought[slot] ? common(code, v->code[slot], n) : 0;

		if (alike < LEAST_ALIKE || alike <= v->alike[slot] || !is_symbol(k, address))
			continue;
		v->handler[slot] = address;
		v->alike[slot] = alike;
	}
}

/* The first instructions of sought slots, each once; returns how many. */
static size_t first_words(const struct la_vectors *v, const bool *sought, uint32_t *ret)
{
	size_t n = 0, i;

	for (unsigned slot = 0; slot < LA_VECTORS; slot++) {
		const uint32_t word = la_le32(v->code[slot]);

		for (i = 0; i < n && ret[i] != word;)
			i++;
		if (sought[slot] && i == n)
			ret[n++] = word;
	}
	return n;
}

/* Look through the kernel's text for what the sought slots were copied from. */
static void search_text(const struct la_kernel *k, struct la_vectors *v, const bool *sought)
{
	static const size_t reach = LA_VECTOR_SIZE;
	unsigned char code[CHUNK + LA_VECTOR_SIZE];
	uint32_t first[LA_VECTORS] = { 0 };
	const size_t words = first_words(v, sought, first);
	uint64_t start, end;

	if (!k->door->symbol(k->door->ctx, "_stext", &start) ||
	    !k->door->symbol(k->door->ctx, "_etext", &end) || end - start > MAX_TEXT)
		return;
	for (; start < end; start += CHUNK) {
		size_t n = end - start < CHUNK + reach ? (size_t)(end - start) : CHUNK + reach;

		if (la_read(k, start, code, n, NULL) != LA_OK &&
		    (n <= CHUNK || la_read(k, start, code, n = CHUNK, NULL) != LA_OK))
			continue;
		for (size_t i = 0; i < CHUNK && i + LEAST_ALIKE <= n; i += 4) {
			const uint32_t word = la_le32(code + i);
			size_t w = 0;

			while (w < words && first[w] != word)
				w++;
			if (w < words)
				compare(k, v, sought, start + i, code + i,
					n - i < reach ? n - i : reach);
		}
	}
}

static uint64_t vectors_address(const struct la_kernel *k)
{
	uint64_t address;

	return k->door->symbol(k->door->ctx, "exception_handlers", &address) ? address : 0;
}

/* Is the code of that name also what was copied? A vendor may have given the name to other code. */
static bool is_copied(const struct la_kernel *k, const struct la_vectors *v, unsigned slot,
		      uint64_t handler)
{
	unsigned char code[LEAST_ALIKE];

	return !v->has_code[slot] || la_read(k, handler, code, sizeof(code), NULL) != LA_OK ||
	       !memcmp(code, v->code[slot], sizeof(code));
}

void la_vectors_open(struct la_kernel *k, struct la_arena *arena)
{
	static const unsigned char none[LEAST_ALIKE];
	const uint64_t address = vectors_address(k);
	struct la_vectors *v = address ? la_alloc(arena, sizeof(*v)) : NULL;
	bool sought[LA_VECTORS], any = false;

	k->vectors = NULL;
	if (!v)
		return;
	memset(v, 0, sizeof(*v));
	for (unsigned slot = 0; slot < LA_VECTORS; slot++) {
		/* Before trap_init() there is nothing in them. */
		v->has_code[slot] = la_read(k, address + slot * LA_VECTOR_SIZE, v->code[slot],
					    LA_VECTOR_SIZE, NULL) == LA_OK &&
				    memcmp(v->code[slot], none, sizeof(none));
		v->handler[slot] = handler_by_name(k, slot);
		sought[slot] = v->has_code[slot] &&
			       (!v->handler[slot] || !is_copied(k, v, slot, v->handler[slot]));
		any = any || sought[slot];
	}
	if (any)
		search_text(k, v, sought);
	k->vectors = v;
}

uint64_t la_vector_handler(const struct la_kernel *k, unsigned slot)
{
	if (slot >= LA_VECTORS)
		return 0;
	return k->vectors ? k->vectors->handler[slot] : handler_by_name(k, slot);
}

/* --- what is in a vector --- */

struct place {
	unsigned slot, offset;
};

static bool is_in(uint64_t vectors, uint64_t pc, struct place *ret)
{
	const uint64_t at = pc - vectors;

	*ret = (struct place){ (unsigned)(at / LA_VECTOR_SIZE % LA_VECTORS), at % LA_VECTOR_SIZE };
	return vectors && at < VECTORS_SIZE;
}

/* The private copies of secondary CPUs are allocated pages: no symbol covers them. */
static bool is_in_own_copy(const struct la_kernel *k, uint64_t pc, struct place *ret)
{
	unsigned char copies[8 * 64];
	struct la_symbol symbol;
	uint64_t table;

	if ((k->door->symbol_at(k->door->ctx, pc, &symbol) && symbol.end && pc < symbol.end) ||
	    !k->door->symbol(k->door->ctx, "pcpu_handlers", &table))
		return false;
	for (unsigned cpu = 0; cpu < k->ncpus; cpu += 64) {
		unsigned n = k->ncpus - cpu < 64 ? k->ncpus - cpu : 64;

		if (la_read(k, table + 8 * (uint64_t)cpu, copies, 8 * (size_t)n, NULL) != LA_OK)
			return false;
		for (unsigned i = 0; i < n; i++)
			if (is_in(la_le64(copies + 8 * (size_t)i), pc, ret))
				return true;
	}
	return false;
}

/* Where in a copied handler is @pc? */
static bool find(const struct la_kernel *k, uint64_t pc, struct place *ret)
{
	const uint64_t vectors = vectors_address(k), physical = vectors & LA_PHYS_MASK;

	/* A TLB refill runs untranslated: its pc is physical. */
	return is_in(vectors, pc, ret) ||
	       (is_in(physical, pc, ret) && ret->slot == LA_VECTOR_TLB_REFILL) ||
	       is_in_own_copy(k, pc, ret);
}

int la_vector_slot(const struct la_kernel *k, uint64_t pc)
{
	struct place place;

	return find(k, pc, &place) ? (int)place.slot : -1;
}

uint64_t la_vector_origin(const struct la_kernel *k, uint64_t pc)
{
	struct place place;
	uint64_t handler;

	if (!find(k, pc, &place))
		return pc;
	handler = la_vector_handler(k, place.slot);
	return handler ? handler + place.offset : pc;
}

/* --- what saves registers --- */

#define CSR_AMONG 8 /* one of so many first instructions of what saves is on a CSR */

static bool is_csr(uint32_t insn)
{
	return insn >> 24 == 0x04;
}

/* csrrd: rd = a CSR */
static bool reads_csr(uint32_t insn, unsigned csr)
{
	return is_csr(insn) && la_insn_rj(insn) == 0 && (insn >> 10 & 0x3fff) == csr;
}

/* The next instruction is not what runs next. */
static bool ends_run(uint32_t insn)
{
	return la_insn_is_b(insn) || la_insn_links(insn) || la_insn_is_jirl(insn) ||
	       insn == LA_INSN_ERTN;
}

/* As much of the code at @start as can be read, at most a vector's. */
static size_t read_entry(const struct la_kernel *k, uint64_t start,
			 uint32_t code[LA_VECTOR_SIZE / 4])
{
	size_t n = LA_VECTOR_SIZE / 4;

	while (n && la_read_code(k, start, code, 4 * n, NULL) != LA_OK)
		n /= 2;
	for (size_t i = 0; i < n; i++)
		code[i] = la_le32((const unsigned char *)&code[i]);
	return n;
}

bool la_saves_registers(const struct la_kernel *k, uint64_t start)
{
	uint32_t code[LA_VECTOR_SIZE / 4];
	unsigned with_era = 0;
	bool lowered = false, any = false;
	int64_t offset;
	size_t n;

	if (la_read_code(k, start, code, 4 * CSR_AMONG, NULL) != LA_OK)
		return false;
	for (size_t i = 0; i < CSR_AMONG; i++)
		any = any || is_csr(la_le32((const unsigned char *)&code[i]));
	n = any ? read_entry(k, start, code) : 0;
	for (size_t i = 0; i < n && !ends_run(code[i]); i++) {
		const unsigned rd = la_insn_rd(code[i]);

		if (la_insn_is_addi_d(code[i]) && rd == LA_R_SP)
			lowered = la_insn_rj(code[i]) == LA_R_SP &&
				  la_insn_si12(code[i]) == -LA_PT_REGS_SIZE;
		else if (reads_csr(code[i], CSR_ERA))
			with_era = rd;
		else if (lowered && with_era && rd == with_era &&
			 la_insn_is_store(code[i], &offset) && la_insn_rj(code[i]) == LA_R_SP &&
			 offset >= PT_REGS_CSRS && offset < LA_PT_REGS_SIZE)
			return true;
		else if (la_insn_writes(code[i]) >> with_era & 1)
			with_era = 0;
	}
	return false;
}

bool la_leads_to_user(const struct la_kernel *k, uint64_t start)
{
	uint32_t insn = 0;

	for (uint64_t pc = start; pc < start + MAX_RETURN_CODE && insn != LA_INSN_ERTN; pc += 4)
		if (la_read_code(k, pc, &insn, 4, NULL) != LA_OK || la_insn_is_ret(insn))
			return false;
	return insn == LA_INSN_ERTN;
}

/*
 * Handlers of page faults and system calls jump to the code that saves, whose address they build of
 * constants.
 */
static uint64_t jumps_to_saver(const struct la_kernel *k, uint64_t handler)
{
	uint32_t code[LA_VECTOR_SIZE / 4];
	const size_t n = read_entry(k, handler, code);
	struct la_values values;

	la_values_none(&values);
	for (size_t i = 0; i < n; i++) {
		const unsigned rj = la_insn_rj(code[i]);

		if (la_insn_is_jirl(code[i]) && !la_insn_rd(code[i]) &&
		    la_values_has(&values, rj) && la_saves_registers(k, values.value[rj]))
			return values.value[rj];
		la_values_run(&values, code[i], handler + 4 * i);
		if (ends_run(code[i]) || la_insn_is_branch(code[i]))
			la_values_none(&values);
	}
	return 0;
}

uint64_t la_vector_saver(const struct la_kernel *k, unsigned slot)
{
	/* Loads, stores and fetches are saved by code of their own (mm/tlbex.S). */
	static const char *const by_name[] = {
		[LA_ECODE_PIL] = "tlb_do_page_fault_0", [LA_ECODE_PIS] = "tlb_do_page_fault_1",
		[LA_ECODE_PIF] = "tlb_do_page_fault_0", [LA_ECODE_PME] = "tlb_do_page_fault_1",
		[LA_ECODE_SYS] = "handle_syscall",
	};
	const uint64_t handler = la_vector_handler(k, slot);
	uint64_t saver = handler;

	if (handler && la_saves_registers(k, handler))
		return handler;
	if (handler && (saver = jumps_to_saver(k, handler)))
		return saver;
	if (slot >= sizeof(by_name) / sizeof(by_name[0]) || !by_name[slot])
		return handler;
	return k->door->symbol(k->door->ctx, by_name[slot], &saver) ? saver : 0;
}
