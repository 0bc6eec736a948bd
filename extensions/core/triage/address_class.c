// SPDX-License-Identifier: GPL-3.0-or-later
// What kind of address a faulting one is. Marks of freed and unset memory: include/linux/poison.h (5.19 to 7.2);
// LoongArch has no ILLEGAL_POINTER_VALUE, so that the marks of removed list entries are small numbers there.
#include "detail.h"

#include <inttypes.h>

#include "lakvm/door/modules.h"

/* As far as a member of a structure may lie behind a NULL pointer: the largest page. */
#define NULL_PAGE 0x10000
#define MAX_ERRNO 4095
/* Behind a NULL per-CPU pointer less: an address there may be a user's as well. */
#define NULL_PERCPU 0x1000

/* Bytes that fill memory in a state; an address made of them, plus an offset, was read from such memory. */
static const struct {
	uint8_t byte;
	const char *meaning;
} poisons[] = {
	{ 0x6b, "made of 6b, with which freed slab objects are filled: a use after free" },
	{ 0x5a, "made of 5a, with which new slab objects are filled: used before it was set" },
	{ 0xa5, "made of a5, the end mark of a slab object: read beyond it" },
	{ 0xbb, "made of bb, the red zone of a free slab object: read beyond it" },
	{ 0xcc, "made of cc, the red zone of a slab object, or freed init memory: read beyond it" },
	{ 0xaa, "made of aa, with which freed pages are filled: a use after free" },
};

static const char *poison_of(uint64_t address)
{
	for (size_t i = 0; i < sizeof(poisons) / sizeof(poisons[0]); i++)
		if (address >> 16 == (UINT64_C(0x0101010101010101) * poisons[i].byte) >> 16)
			return poisons[i].meaning;
	return NULL;
}

/*
 * Bytes of one kind, as memset() or a string leaves them over a pointer. Of a return address the jump cuts the two
 * lowest bits.
 */
static const char *bytes_of(struct la_arena *arena, uint64_t address)
{
	const uint8_t byte = (uint8_t)(address >> 56);
	const uint64_t pattern = UINT64_C(0x0101010101010101) * byte;

	if (!byte || (address != pattern && address != (pattern & ~UINT64_C(3))) ||
	    address == UINT64_MAX)
		return NULL;
	return la_format(arena,
			 "made of bytes %02x: a pointer or return address that was overwritten",
			 byte);
}

const char *la_list_poison(uint64_t value)
{
	return value == 0x100 ? "LIST_POISON1" : value == 0x122 ? "LIST_POISON2" : NULL;
}

static const char *removed_entry(struct la_arena *arena, uint64_t address, uint64_t link)
{
	const bool behind = address >= link;

	return la_format(arena, "%s %s %#" PRIx64 ", of an entry that was removed from its list",
			 la_list_poison(link), behind ? "plus" : "minus",
			 behind ? address - link : link - address);
}

static const char *small(struct la_arena *arena, uint64_t address)
{
	const char *mark = address >= 0x100 && address < 0x110 ?
				   " (or LIST_POISON1: an entry that was removed from its list)" :
			   address >= 0x122 && address < 0x132 ?
				   " (or LIST_POISON2: an entry that was removed from its list)" :
				   "";

	if (!address)
		return "NULL pointer";
	return la_format(arena, "NULL pointer plus %#" PRIx64 "%s", address, mark);
}

/*
 * A per-CPU pointer that is NULL leads to where the first of a CPU's variables would be if the kernel were linked at 0: to
 * __per_cpu_offset[cpu]. The CPU, or -1.
 */
static int null_percpu(const struct la_kernel *k, uint64_t address)
{
	for (unsigned cpu = 0; k->percpu && cpu < k->ncpus; cpu++)
		if (k->percpu[cpu] && address - k->percpu[cpu] < NULL_PERCPU)
			return (int)cpu;
	return -1;
}

/* The CPU whose per-CPU area has @address, or -1. */
static int percpu_owner(const struct la_kernel *k, uint64_t address)
{
	const struct la_door *door = k->door;
	uint64_t start, end;

	if (!k->percpu || !door->symbol(door->ctx, "__per_cpu_start", &start) ||
	    !door->symbol(door->ctx, "__per_cpu_end", &end) || end <= start)
		return -1;
	for (unsigned cpu = 0; cpu < k->ncpus; cpu++)
		if (address - (start + k->percpu[cpu]) < end - start)
			return (int)cpu;
	return -1;
}

static const char *in_stack(struct la_arena *arena, uint64_t address, const struct la_task *task)
{
	if (!task->stack)
		return NULL;
	if (address - task->stack < LA_THREAD_SIZE)
		return "in the stack of the task";
	if (task->stack - address <= LA_THREAD_SIZE)
		return la_format(arena,
				 "%" PRIu64 " bytes below the stack of the task: it ran over",
				 task->stack - address);
	return NULL;
}

/* Not one that the CPU can translate: the bits above the implemented ones differ. */
static bool canonical(const struct la_kernel *k, uint64_t address)
{
	const unsigned bits = k->mmu.virt_bits ? k->mmu.virt_bits : 48;
	const uint64_t high = address >> (bits - 1);

	return !high || high == UINT64_MAX >> (bits - 1);
}

/*
 * The last module that was removed, or NULL. Both the array of characters (to 6.1) and the structure since 6.2
 * (6f1dae1d84b6) begin with the name.
 */
static const char *removed_module(const struct la_kernel *k, struct la_arena *arena)
{
	char name[56] = ""; /* MODULE_NAME_LEN */
	size_t n = 0;
	uint64_t at;

	if (!k->door->symbol(k->door->ctx, "last_unloaded_module", &at) ||
	    la_read(k, at, name, sizeof(name), NULL) != LA_OK)
		return NULL;
	while (n < sizeof(name) &&
	       (name[n] == '_' || (name[n] >= '0' && name[n] <= '9') ||
		(name[n] >= 'A' && name[n] <= 'Z') || (name[n] >= 'a' && name[n] <= 'z')))
		n++;
	return n && n < sizeof(name) && !name[n] ? la_strndup(arena, name, n) : NULL;
}

static bool is_mapped(const struct la_kernel *k, uint64_t address)
{
	uint8_t byte;

	return la_read(k, address, &byte, sizeof(byte), NULL) == LA_OK;
}

static const char *mapped_range(const struct la_kernel *k, struct la_arena *arena, uint64_t address)
{
	const struct la_door *door = k->door;
	const char *removed;
	struct la_symbol symbol;

	if (door->symbol_at(door->ctx, address, &symbol) && symbol.module)
		return la_is_bpf(symbol.module) ?
			       la_format(arena, "in code of BPF, behind %s", symbol.name) :
			       la_format(arena, "in the module %s, behind %s", symbol.module,
					 symbol.name);
	if (k->mmu.vm_map_base && address < k->mmu.vm_map_base)
		return "below all that the kernel maps by pages";
	/* An area has a page behind it that is not mapped: who comes from that one ran over. */
	removed = is_mapped(k, address - (UINT64_C(1) << k->mmu.geometry.page_shift)) ?
			  NULL :
			  removed_module(k, arena);
	if (removed)
		return la_format(arena,
				 "in the range of modules and vmalloc; the module %s was removed "
				 "before, and may have been there",
				 removed);
	return "in the range of modules and vmalloc";
}

static const char *in_window(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			     uint64_t pa, int cpu, const struct la_task *task)
{
	const struct la_door *door = k->door;
	const int owner = percpu_owner(k, address);
	const char *stack = in_stack(arena, address, task);
	struct la_symbol symbol;

	if (owner >= 0 && cpu >= 0)
		return la_format(arena, "in the per-CPU area of CPU %d%s", owner,
				 owner == cpu ? "" : ", another one's");
	if (owner >= 0)
		return la_format(arena, "in the per-CPU area of CPU %d", owner);
	if (stack)
		return stack;
	if (la_in_image(k, address) && door->symbol_at(door->ctx, address, &symbol))
		return la_format(arena, "in the kernel's image, %s+%#" PRIx64, symbol.name,
				 address - symbol.start);
	if (door->nram) {
		const struct la_ram_range *ram = la_ram_find(door->ram, door->nram, pa);

		if (!ram || pa < ram->start)
			return la_format(arena, "physical %#" PRIx64 " through a window: not RAM",
					 pa);
	}
	return la_format(arena, "physical %#" PRIx64 " through a window", pa);
}

/* In user space, or no address: what could be there, and was written over the pointer or made of another one? */
static const char *no_kernel_address(const struct la_kernel *k, struct la_arena *arena,
				     uint64_t address, uint64_t base)
{
	const int percpu = null_percpu(k, address);
	const char *text = la_text_pointer(arena, base);

	if (percpu >= 0)
		return la_format(arena, "NULL per-CPU pointer of CPU %d plus %#" PRIx64, percpu,
				 address - k->percpu[percpu]);
	if (text && base != address)
		return la_format(arena, "%s, plus %#" PRIx64, text, address - base);
	if (text)
		return text;
	return canonical(k, address) ? "in user space" : "no address: its upper bits are not alike";
}

const char *la_address_class(const struct la_kernel *k, struct la_arena *arena, uint64_t address,
			     uint64_t base, int cpu, const struct la_task *task)
{
	const char *poison = poison_of(address);
	const char *bytes = poison ? NULL : bytes_of(arena, address);
	uint64_t pa;
	int window;

	if (base != address && base >= (uint64_t)-MAX_ERRNO && address - base < NULL_PAGE)
		return la_error_pointer(arena, base, address);
	if (base != address && la_list_poison(base) && address < NULL_PAGE)
		return removed_entry(arena, address, base);
	if (address < NULL_PAGE)
		return small(arena, address);
	if (bytes)
		return bytes;
	if (address >= (uint64_t)-MAX_ERRNO)
		return la_format(arena,
				 "NULL pointer minus %" PRIu64
				 ", or that as an error code taken for a pointer",
				 (uint64_t)0 - address);
	if (poison)
		return poison;
	if (la_window(&k->mmu, address, &pa, &window))
		return in_window(k, arena, address, pa, cpu, task);
	if (la_segment_of(address) == LA_XUVRANGE || !canonical(k, address))
		return no_kernel_address(k, arena, address, base);
	return mapped_range(k, arena, address);
}
