// SPDX-License-Identifier: GPL-3.0-or-later
// Registers out of ELF notes and out of a saved struct pt_regs.
#include "lakvm/isa/regs.h"

#include "base/bytes.h"
#include "dump/notes.h"

#define NT_PRSTATUS 1
#define NT_PRFPREG 2

/* A kernel has 2048 CPUs at most (arch/loongarch/Kconfig of 7.2), a machine of QEMU's 256. */
#define MAX_VCPUS 4096

/* struct elf_prstatus of a 64-bit machine (include/uapi/linux/elfcore.h): what we use of it. */
#define PRSTATUS_PID 32
#define PRSTATUS_REG 112
#define PRSTATUS_FPVALID 472
#define PRSTATUS_MIN (PRSTATUS_REG + LA_PT_REGS_SIZE)

/* Words of pt_regs, and of the kernel's own notes, behind the 32 general registers. */
enum pt_regs_slot {
	SLOT_ERA = 33,
	SLOT_BADV = 34,
	SLOT_CRMD = 35,
	SLOT_PRMD = 36,
	SLOT_EUEN = 37,
	SLOT_ECFG = 38,
	SLOT_ESTAT = 39,
};

static uint64_t slot(const void *regs, unsigned n)
{
	return la_le64((const char *)regs + 8 * (size_t)n);
}

static void set_gprs(const void *regs, struct la_regs *ret)
{
	for (unsigned n = 0; n < LA_NGPR; n++)
		la_gpr_set(ret, n, slot(regs, n));
}

void la_regs_from_pt_regs(const void *image, struct la_regs *ret)
{
	static const enum la_csr csr[] = { LA_CSR_CRMD, LA_CSR_PRMD, LA_CSR_EUEN, LA_CSR_ECFG,
					   LA_CSR_ESTAT };
	unsigned ecode;

	*ret = (struct la_regs){ .source = LA_REGS_PT_REGS };
	set_gprs(image, ret);
	ret->gpr_known &= ~(1u << LA_R_U0);
	ret->pc_known = true;
	ret->pc = slot(image, SLOT_ERA);
	la_csr_set(ret, LA_CSR_ERA, ret->pc);
	la_csr_set(ret, LA_CSR_PRMD, slot(image, SLOT_PRMD));

	/* Vendor kernels (4.19, openEuler 5.10) save PRMD and ERA only. CRMD of a running kernel
	 * is never 0: DA or PG is set. */
	if (!slot(image, SLOT_CRMD))
		return;
	for (unsigned i = 0; i < sizeof(csr) / sizeof(csr[0]); i++)
		la_csr_set(ret, csr[i], slot(image, SLOT_CRMD + i));

	/* Only the entries for page faults, address errors and misaligned accesses save BADV. */
	ecode = LA_ESTAT_ECODE(slot(image, SLOT_ESTAT));
	if (ecode >= LA_ECODE_PIL && ecode <= LA_ECODE_ALE)
		la_csr_set(ret, LA_CSR_BADV, slot(image, SLOT_BADV));

	/* The system call entry does not save t0-t8 (kernel/entry.S). */
	if (ecode == LA_ECODE_SYS)
		ret->gpr_known &= ~(0x1ffu << 12);
}

/*
 * Who wrote a PRSTATUS note shows in the floating-point note behind it: QEMU always writes one,
 * of 268 bytes (fpr, fcc, fcsr), or 264 in openEuler's 6.2 (fpr, fir, fcsr); the kernel's
 * crash_notes have none and leave pr_fpvalid 0. Only the kernel's notes have a pc, so where the
 * notes are cut off behind this one they do not count as the kernel's.
 */
enum writer { WRITER_UNKNOWN, WRITER_KERNEL, WRITER_QEMU, WRITER_QEMU_OE62 };

static enum writer who_wrote(const struct la_note *note, const struct la_notes *behind)
{
	struct la_notes c = *behind;
	struct la_note next;
	bool has_next = la_notes_next(&c, &next);

	if (has_next && next.type == NT_PRFPREG)
		return next.descsz == 264 ? WRITER_QEMU_OE62 : WRITER_QEMU;
	if (note->descsz >= PRSTATUS_FPVALID + 4 && la_le32(note->desc + PRSTATUS_FPVALID))
		return WRITER_QEMU;
	return has_next || !behind->left ? WRITER_KERNEL : WRITER_UNKNOWN;
}

/* QEMU target/loongarch/arch_dump.c: 32 GPRs, ERA, BADV; what else is there is 0, not recorded. */
static void from_qemu(const void *regs, struct la_regs *ret)
{
	set_gprs(regs, ret);
	la_csr_set(ret, LA_CSR_ERA, slot(regs, SLOT_ERA));
	la_csr_set(ret, LA_CSR_BADV, slot(regs, SLOT_BADV));
}

/* openEuler's QEMU 6.2: the same one slot later, and CRMD and ECFG. */
static void from_qemu_oe62(const void *regs, struct la_regs *ret)
{
	set_gprs(regs, ret);
	la_csr_set(ret, LA_CSR_ERA, slot(regs, 34));
	la_csr_set(ret, LA_CSR_BADV, slot(regs, 35));
	la_csr_set(ret, LA_CSR_CRMD, slot(regs, 36));
	la_csr_set(ret, LA_CSR_ECFG, slot(regs, 37));
}

static void from_prstatus(const struct la_note *note, enum writer writer, struct la_vcpu_regs *ret)
{
	const unsigned char *regs = note->desc + PRSTATUS_REG;

	ret->pid = la_le32(note->desc + PRSTATUS_PID);
	ret->regs = (struct la_regs){ .source = LA_REGS_NOTE };
	switch (writer) {
	case WRITER_UNKNOWN:
	case WRITER_QEMU:
		from_qemu(regs, &ret->regs);
		break;
	case WRITER_QEMU_OE62:
		from_qemu_oe62(regs, &ret->regs);
		break;
	case WRITER_KERNEL:
		la_regs_from_pt_regs(regs, &ret->regs);
		ret->regs.source = LA_REGS_CRASH_NOTES;
		break;
	}
}

enum la_status la_notes_regs(struct la_arena *arena, const void *notes, size_t size,
			     struct la_vcpu_regs **ret, size_t *ret_n, struct la_error *err)
{
	struct la_notes c = la_notes_of(notes, size);
	enum writer writer = WRITER_UNKNOWN;
	struct la_vcpu_regs *more;
	size_t n = 0, room = 0;
	struct la_note note;

	*ret = NULL;
	*ret_n = 0;
	while (la_notes_next(&c, &note)) {
		/* A kernel's crash_notes end with an empty note (append_elf_note's terminator). */
		if (!note.type && !note.descsz)
			return LA_OK;
		if (note.type != NT_PRSTATUS)
			continue;
		if (note.descsz < PRSTATUS_MIN)
			return la_fail(err, LA_CORRUPT, "PRSTATUS note %zu has only %zu bytes", n,
				       note.descsz);
		if (n == MAX_VCPUS)
			return la_fail(err, LA_CORRUPT, "notes of more than %d vCPUs", MAX_VCPUS);
		more = la_room(arena, *ret, n, &room, sizeof(*more));
		if (!more)
			return la_fail(err, LA_NOMEM, "register notes");
		*ret = more;
		if (writer == WRITER_UNKNOWN)
			writer = who_wrote(&note, &c); /* one writes them all */
		from_prstatus(&note, writer, &(*ret)[n]);
		*ret_n = ++n;
	}
	if (c.left)
		return la_fail(err, LA_CORRUPT, "the notes end in %zu bytes that are no note",
			       c.left);
	return LA_OK;
}
