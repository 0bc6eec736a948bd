// SPDX-License-Identifier: GPL-3.0-or-later
// What instructions do to general registers, as a LoongArch64 machine (or its emulator) does it: runs each
// on some values and prints the assembler's word, the values and the result. "make instructions" compiles and
// runs it on the native machine of run64.sh; tests/unit/test_eval.c compares the core's evaluation with it.
//
// run WORD OLD A B RESULT   rd is t0 and has OLD before, RESULT after; rj is t1, rk is t2, with A and B
// use WORD WRITES READS     bits of the registers that it may write and read; from the manual
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const uint64_t values[] = {
	0,
	1,
	UINT64_C(0x80000000),
	UINT64_C(0x0123456789abcdef),
	UINT64_C(0xfedcba9876543210),
	UINT64_C(0xffffffffffffffff),
};
#define N (sizeof(values) / sizeof(values[0]))

static uint32_t word_at(const void *code)
{
	uint32_t word;

	memcpy(&word, code, sizeof(word));
	return word;
}

/* One instruction on all pairs of values, its word by the label in front of it. */
#define RUN(text)                                                                                  \
	for (size_t i = 0; i < N; i++)                                                             \
		for (size_t j = 0; j < N; j++) {                                                   \
			const uint64_t old = values[(i + j + 3) % N];                              \
			uint64_t result;                                                           \
			void *code;                                                                \
			__asm__ volatile("la.local %1, 1f\n\t"                                     \
					 "move $t0, %2\n\tmove $t1, %3\n\tmove $t2, %4\n"          \
					 "1:\t" text "\n\tmove %0, $t0"                            \
					 : "=r"(result), "=&r"(code)                               \
					 : "r"(old), "r"(values[i]), "r"(values[j])                \
					 : "$t0", "$t1", "$t2");                                   \
			printf("run %08" PRIx32 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64    \
			       "\n",                                                               \
			       word_at(code), old, values[i], values[j], result);                  \
		}

/* One that is only assembled, between a branch and where that leads. */
#define USE(text, writes, reads)                                                                   \
	{                                                                                          \
		void *code;                                                                        \
		__asm__ volatile("la.local %0, 1f\n\tb 2f\n1:\t" text "\n2:" : "=r"(code));        \
		printf("use %08" PRIx32 " %x %x\n", word_at(code), writes, reads);                 \
	}

#define RA (1u << 1)
#define A0 (1u << 4)
#define T0 (1u << 12)
#define T1 (1u << 13)
#define T2 (1u << 14)

static void arithmetic(void)
{
	RUN("add.w $t0, $t1, $t2")
	RUN("add.d $t0, $t1, $t2")
	RUN("sub.w $t0, $t1, $t2")
	RUN("sub.d $t0, $t1, $t2")
	RUN("slt $t0, $t1, $t2")
	RUN("sltu $t0, $t1, $t2")
	RUN("nor $t0, $t1, $t2")
	RUN("and $t0, $t1, $t2")
	RUN("or $t0, $t1, $t2")
	RUN("xor $t0, $t1, $t2")
	RUN("orn $t0, $t1, $t2")
	RUN("andn $t0, $t1, $t2")
	RUN("maskeqz $t0, $t1, $t2")
	RUN("masknez $t0, $t1, $t2")
	RUN("sll.w $t0, $t1, $t2")
	RUN("srl.w $t0, $t1, $t2")
	RUN("sll.d $t0, $t1, $t2")
	RUN("srl.d $t0, $t1, $t2")
	RUN("sra.d $t0, $t1, $t2")
	RUN("mul.w $t0, $t1, $t2")
	RUN("mul.d $t0, $t1, $t2")
	RUN("alsl.d $t0, $t1, $t2, 1")
	RUN("alsl.d $t0, $t1, $t2, 2")
	RUN("alsl.d $t0, $t1, $t2, 3")
	RUN("alsl.d $t0, $t1, $t2, 4")
}

static void immediates(void)
{
	RUN("slti $t0, $t1, -5")
	RUN("sltui $t0, $t1, -5")
	RUN("addi.w $t0, $t1, -2048")
	RUN("addi.d $t0, $t1, 2047")
	RUN("lu12i.w $t0, -524288")
	RUN("lu32i.d $t0, -2")
	RUN("lu52i.d $t0, $t1, -2048")
	RUN("andi $t0, $t1, 0xf0f")
	RUN("ori $t0, $t1, 0xf0f")
	RUN("xori $t0, $t1, 0xfff")
	RUN("slli.w $t0, $t1, 31")
	RUN("srli.w $t0, $t1, 4")
	RUN("srai.w $t0, $t1, 31")
	RUN("slli.d $t0, $t1, 63")
	RUN("srli.d $t0, $t1, 33")
	RUN("srai.d $t0, $t1, 63")
	RUN("bstrpick.d $t0, $t1, 63, 0")
	RUN("bstrpick.d $t0, $t1, 47, 12")
	RUN("bstrins.d $t0, $t1, 15, 8")
	RUN("bstrins.d $t0, $t1, 63, 32")
	RUN("ext.w.h $t0, $t1")
	RUN("ext.w.b $t0, $t1")
}

/* What is written and read is what the manual's volume 1, chapter 2, says of each. */
static void registers(void)
{
	USE("st.b $t0, $t1, 8", 0, T0 | T1)
	USE("st.d $t0, $t1, 8", 0, T0 | T1)
	USE("stptr.w $t0, $t1, 8", 0, T0 | T1)
	USE("stptr.d $t0, $t1, 8", 0, T0 | T1)
	USE("stx.d $t0, $t1, $t2", 0, T0 | T1 | T2)
	USE("ld.bu $t0, $t1, 8", T0, T1)
	USE("ld.d $t0, $t1, 8", T0, T1)
	USE("ldptr.d $t0, $t1, 8", T0, T1)
	USE("ll.d $t0, $t1, 8", T0, T1)
	USE("sc.d $t0, $t1, 8", T0, T0 | T1)
	USE("amadd.d $t0, $t1, $t2", T0, T1 | T2)
	USE("preld 0, $t1, 8", 0, T1)
	USE("dbar 0", 0, 0)
	USE("ibar 0", 0, 0)
	USE("idle 0", 0, 0)
	USE("break 0", 0, 0)
	USE("syscall 0", 0, 0)
	USE("rdtime.d $t0, $t1", T0 | T1, 0)
	USE("rdtimel.w $t0, $t1", T0 | T1, 0)
	USE("cpucfg $t0, $t1", T0, T1)
	USE("csrrd $t0, 0", T0, 0)
	USE("csrwr $t0, 0", T0, T0)
	USE("csrxchg $t0, $t1, 0", T0, T0 | T1)
	USE("lu12i.w $t0, 1", T0, 0)
	USE("lu32i.d $t0, 1", T0, T0)
	USE("pcaddi $t0, 1", T0, 0)
	USE("andi $t0, $t1, 1", T0, T1)
	USE("slli.d $t0, $t1, 1", T0, T1)
	USE("slli.w $t0, $t1, 1", T0, T1)
	USE("bstrpick.d $t0, $t1, 3, 1", T0, T1)
	USE("bstrins.d $t0, $t1, 3, 1", T0, T0 | T1)
	USE("add.d $t0, $t1, $t2", T0, T1 | T2)
	USE("mod.du $t0, $t1, $t2", T0, T1 | T2)
	USE("jirl $t0, $t1, 0", T0, T1)
	USE("bl 2f", RA, 0)
	USE("b 2f", 0, 0)
	USE("beqz $t0, 2f", 0, T0)
	USE("bnez $t1, 2f", 0, T1)
	USE("beq $t0, $t1, 2f", 0, T0 | T1)
	USE("bgeu $t1, $t0, 2f", 0, T0 | T1)
	USE("move $a0, $zero", A0, 0)
}

int main(void)
{
	arithmetic();
	immediates();
	registers();
	return 0;
}
