// SPDX-License-Identifier: GPL-3.0-or-later
// A program of the lab's guests: ends the guest by sysrq c on CPU 0 while stacks pass through code of tracers, and says
// before where that code is.
//
// trace return    kretprobes on two functions of the way to the panic, and on one that a task sleeps in
// trace bpf       CPU 1 is in a JITed BPF program, which calls bpf_loop() with a function of its own, which calls a helper
// trace fexit     the same, and programs run when each of the two returns: both are called by trampolines
// trace function  programs run when functions of the kernel begin or return: two of the way to the panic, one that a
//                 task sleeps in, and one of CPU 1, whose program is as in "trace bpf"
// trace graph     the function graph tracer on one function of the way to the panic, which a kretprobe is on, too, and
//                 on one that a task sleeps in, which a program runs behind, too; an fprobe on another one of the way
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing"
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define WORK 300 /* instructions, by threes, of the program's inner function */

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_APPEND);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		fail(path);
	close(file);
}

/* Print the lines of a file that hold one of these words, up to a NULL. */
static void show(const char *path, ...)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		const char *word;
		va_list words;
		bool found = false;

		va_start(words, path);
		while (!found && (word = va_arg(words, const char *)))
			found = strstr(line, word);
		va_end(words);
		if (found)
			printf("%s", line);
	}
	fclose(file);
}

/* A task that sleeps in the kernel until the end, and what the kernel itself sees on its stack. */
static void sleeper(void)
{
	char path[32];
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (!pid) {
		sleep(100000);
		exit(0);
	}
	printf("sleeper %d\n", pid);
	sleep(1);
	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	show(path, "", (char *)NULL);
}

static void mount_tracing(void)
{
	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		fail(TRACING);
}

static void kretprobes(void)
{
	mount_tracing();
	put(TRACING "/kprobe_events", "r:lakvm/outer vfs_write\n");
	put(TRACING "/kprobe_events", "r:lakvm/inner __handle_sysrq\n");
	put(TRACING "/kprobe_events", "r:lakvm/asleep do_nanosleep\n");
	put(TRACING "/events/lakvm/enable", "1");
	sleeper();
	show("/sys/kernel/debug/kprobes/list", "", (char *)NULL);
}

/* Debug information of the program: numbers of its types, and names. */
enum { INT = 1, OF_OUTER, OF_INNER, OUTER, INNER };

#define NAMES "\0int\0ctx\0index\0lakvm_outer\0lakvm_inner"
enum { N_INT = 1, N_CTX = 5, N_INDEX = 9, N_OUTER = 15, N_INNER = 27 };

#define TYPE(kind, count) (BTF_KIND_##kind << 24 | (count))

static const struct {
	struct btf_header header;
	uint32_t types[4 + 5 + 7 + 3 + 3];
	char names[40]; /* no padding behind it */
} debug = {
	.header = { .magic = BTF_MAGIC,
		    .version = BTF_VERSION,
		    .hdr_len = sizeof(struct btf_header),
		    .type_len = sizeof(debug.types),
		    .str_off = sizeof(debug.types),
		    .str_len = sizeof(debug.names) },
	/* clang-format off */
	.types = {
		N_INT, TYPE(INT, 0), 4, BTF_INT_SIGNED << 24 | 32,
		0, TYPE(FUNC_PROTO, 1), INT, N_CTX, INT,
		0, TYPE(FUNC_PROTO, 2), INT, N_INDEX, INT, N_CTX, INT,
		N_OUTER, TYPE(FUNC, BTF_FUNC_GLOBAL), OF_OUTER,
		N_INNER, TYPE(FUNC, BTF_FUNC_STATIC), OF_INNER,
	},
	/* clang-format on */
	.names = NAMES,
};

#define LOG_REFUSAL 4      /* not each instruction */
static char said[1 << 16]; /* by the kernel, of a program that it refuses */

static int bpf(int command, union bpf_attr *attr, const char *what)
{
	int result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (result < 0) {
		fputs(said, stderr);
		fail(what);
	}
	return result;
}

/* The number of a function of the kernel in its own debug information. */
static unsigned number_of(const char *function)
{
	/* bytes of a type, besides struct btf_type, and of each of the members it counts */
	static const struct {
		size_t fixed, each;
	} sizes[] = {
		[BTF_KIND_INT] = { 4, 0 },
		[BTF_KIND_ARRAY] = { sizeof(struct btf_array), 0 },
		[BTF_KIND_STRUCT] = { 0, sizeof(struct btf_member) },
		[BTF_KIND_UNION] = { 0, sizeof(struct btf_member) },
		[BTF_KIND_ENUM] = { 0, sizeof(struct btf_enum) },
		[BTF_KIND_FUNC_PROTO] = { 0, sizeof(struct btf_param) },
		[BTF_KIND_VAR] = { sizeof(struct btf_var), 0 },
		[BTF_KIND_DATASEC] = { 0, sizeof(struct btf_var_secinfo) },
		[BTF_KIND_DECL_TAG] = { sizeof(struct btf_decl_tag), 0 },
		[BTF_KIND_ENUM64] = { 0, sizeof(struct btf_enum64) },
	};
	static _Alignas(8) char file[32 << 20];
	const struct btf_header *header = (const void *)file;
	const char *types, *names;
	size_t have = 0;
	ssize_t more = 1;
	int fd = open(KERNEL_BTF, O_RDONLY);

	while (fd >= 0 && more > 0 && have < sizeof(file)) {
		more = read(fd, file + have, sizeof(file) - have);
		have += more > 0 ? (size_t)more : 0;
	}
	if (fd < 0 || more < 0 || header->magic != BTF_MAGIC)
		fail(KERNEL_BTF);
	close(fd);
	types = file + header->hdr_len + header->type_off;
	names = file + header->hdr_len + header->str_off;
	for (size_t number = 1, at = 0; at < header->type_len; number++) {
		const struct btf_type *type = (const void *)(types + at);
		unsigned kind = BTF_INFO_KIND(type->info);

		if (kind == BTF_KIND_FUNC && !strcmp(names + type->name_off, function)) {
			printf("%s is number %zu\n", function, number);
			return number;
		}
		at += sizeof(*type);
		if (kind < COUNT(sizes))
			at += sizes[kind].fixed + sizes[kind].each * BTF_INFO_VLEN(type->info);
	}
	fprintf(stderr, "%s has no %s\n", KERNEL_BTF, function);
	exit(1);
}

/*
 * Load the program; @debug_fd is its debug information. @function: it runs whenever this function of the kernel
 * begins, vfs_fallocate(); 0: it is given packets.
 */
static int load_program(int debug_fd, unsigned function)
{
	static const struct bpf_func_info functions[] = { { 0, OUTER }, { 8, INNER } };
	struct bpf_insn code[12 + WORK] = {
		/* lakvm_outer(): bpf_loop(4096, lakvm_inner, NULL, skb->mark). That flag is 0, but the verifier does
		 * not know it, and so does not put the loop in place of the call. */
		{ BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(struct __sk_buff, mark), 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 4096 },
		{ BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 5 },
		{ 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
		/* lakvm_inner(): bpf_ktime_get_ns(), arithmetic with jumps, as QEMU interrupts between blocks of
		 * code only, and a place on the stack */
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns },
	};
	struct bpf_insn *next = code + 9;
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
				.insns = (uintptr_t)code,
				.insn_cnt = COUNT(code),
				.license = (uintptr_t) "GPL",
				.prog_name = "lakvm",
				.log_buf = (uintptr_t)said,
				.log_size = sizeof(said),
				.log_level = LOG_REFUSAL,
				.prog_btf_fd = debug_fd,
				.func_info = (uintptr_t)functions,
				.func_info_cnt = COUNT(functions),
				.func_info_rec_size = sizeof(*functions) };

	if (function) {
		/* the flag is the function's second argument */
		code[0] = (struct bpf_insn){ BPF_LDX | BPF_MEM | BPF_DW, 4, 1, 8, 0 };
		attr.prog_type = BPF_PROG_TYPE_TRACING;
		attr.expected_attach_type = BPF_TRACE_FENTRY;
		attr.attach_btf_id = function;
	}
	while (next < code + COUNT(code) - 3) {
		*next++ = (struct bpf_insn){ BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 5 };
		*next++ = (struct bpf_insn){ BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 7 };
		*next++ = (struct bpf_insn){ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0 };
	}
	*next++ = (struct bpf_insn){ BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, 0, -16, 0 };
	*next++ = (struct bpf_insn){ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 };
	*next++ = (struct bpf_insn){ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 };
	return bpf(BPF_PROG_LOAD, &attr, "BPF_PROG_LOAD");
}

static void attach(int program)
{
	union bpf_attr attr = { .raw_tracepoint.prog_fd = program };

	bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, "BPF_RAW_TRACEPOINT_OPEN");
}

/* Run "return 0" whenever this function of the program, or of the kernel if that is 0, begins or returns. */
static void trace(int program, unsigned function, enum bpf_attach_type when)
{
	static const struct bpf_insn code[] = { { BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
						{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 } };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_TRACING,
				.expected_attach_type = when,
				.insns = (uintptr_t)code,
				.insn_cnt = COUNT(code),
				.license = (uintptr_t) "GPL",
				.prog_name = "lakvm_tracer",
				.log_buf = (uintptr_t)said,
				.log_size = sizeof(said),
				.log_level = LOG_REFUSAL,
				.attach_prog_fd = program,
				.attach_btf_id = function };

	attach(bpf(BPF_PROG_LOAD, &load, "BPF_PROG_LOAD of a tracer"));
}

static void say_where(int program)
{
	uint64_t start[2] = { 0 };
	uint32_t length[2] = { 0 };
	struct bpf_prog_info info = { .nr_jited_ksyms = COUNT(start),
				      .jited_ksyms = (uintptr_t)start,
				      .nr_jited_func_lens = COUNT(length),
				      .jited_func_lens = (uintptr_t)length };
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = program;
	attr.info.info = (uintptr_t)&info;
	attr.info.info_len = sizeof(info);
	bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, "BPF_OBJ_GET_INFO_BY_FD");
	printf("program %u, of %u bytes when JITed\n", info.id, info.jited_prog_len);
	if (!info.jited_prog_len || info.nr_jited_ksyms != COUNT(start)) {
		fputs("the program is not JITed\n", stderr);
		exit(1);
	}
	for (size_t i = 0; i < COUNT(start); i++)
		printf("function %zu at %#jx, %u bytes\n", i, (uintmax_t)start[i], length[i]);
}

/* A task that does nothing but have the program run, on CPU 1: @traces: by vfs_fallocate(); else by packets. */
static void run(int program, bool traces)
{
	static char packet[64];
	struct sched_param first = { .sched_priority = 1 };
	union bpf_attr attr = { 0 };
	cpu_set_t set;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid) {
		printf("runner %d\n", pid);
		return;
	}
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &first))
		fail("sched");
	if (traces) {
		int file = open("/lakvm", O_WRONLY | O_CREAT, 0600);

		for (;;)
			fallocate(file, 0, 0, 1);
	}
	attr.test.prog_fd = program;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1 << 30;
	bpf(BPF_PROG_TEST_RUN, &attr, "BPF_PROG_TEST_RUN");
	exit(1);
}

static int load_debug(void)
{
	union bpf_attr attr = { .btf = (uintptr_t)&debug, .btf_size = sizeof(debug) };

	attr.btf_log_buf = (uintptr_t)said;
	attr.btf_log_size = sizeof(said);
	attr.btf_log_level = 1;
	return bpf(BPF_BTF_LOAD, &attr, "BPF_BTF_LOAD");
}

static void programs(bool trampolines)
{
	int program;

	put("/proc/sys/net/core/bpf_jit_enable", "1");
	put("/proc/sys/net/core/bpf_jit_kallsyms", "1");
	program = load_program(load_debug(), 0);
	if (trampolines) {
		trace(program, OUTER, BPF_TRACE_FEXIT);
		trace(program, INNER, BPF_TRACE_FEXIT);
	}
	say_where(program);
	run(program, false);
}

static void functions(void)
{
	int program = load_program(load_debug(), number_of("vfs_fallocate"));

	attach(program);
	trace(0, number_of("vfs_write"), BPF_TRACE_FENTRY);
	trace(0, number_of("vfs_write"), BPF_TRACE_FEXIT);
	trace(0, number_of("__handle_sysrq"), BPF_TRACE_FEXIT);
	trace(0, number_of("hrtimer_nanosleep"), BPF_TRACE_FEXIT);
	sleeper();
	say_where(program);
	run(program, true);
}

static void graph(void)
{
	mount_tracing();
	put(TRACING "/set_ftrace_filter", "vfs_write\n");
	put(TRACING "/set_ftrace_filter", "hrtimer_nanosleep\n");
	/* Before the fprobe: 7.2 tells who is first of all returns (BIT(0) in fgraph.c), of which an fprobe would warn. */
	put(TRACING "/current_tracer", "function_graph");
	put(TRACING "/dynamic_events", "r:lakvm/outer vfs_write\n");
	put(TRACING "/dynamic_events", "f:lakvm/inner __handle_sysrq%return\n");
	put(TRACING "/events/lakvm/enable", "1");
	trace(0, number_of("hrtimer_nanosleep"), BPF_TRACE_FEXIT);
	sleeper();
	show(TRACING "/enabled_functions", "", (char *)NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s: %s\n", KERNEL_BTF, access(KERNEL_BTF, R_OK) ? "none" : "readable");
	if (!strcmp(what, "return"))
		kretprobes();
	else if (!strcmp(what, "bpf") || !strcmp(what, "fexit"))
		programs(*what == 'f');
	else if (!strcmp(what, "function"))
		functions();
	else if (!strcmp(what, "graph"))
		graph();
	else
		return 1;
	put("/proc/sys/kernel/kptr_restrict", "0");
	show("/proc/kallsyms", "[bpf]", "[__builtin", " arch_rethook_trampoline\n",
	     " return_to_handler\n", (char *)NULL);
	printf("=== lakvm traced ===\n");
	sleep(1);
	put("/proc/sysrq-trigger", "l"); /* what the kernel itself sees on CPU 1's stack */
	sleep(1);
	put("/proc/sysrq-trigger", "c");
	return 1;
}
