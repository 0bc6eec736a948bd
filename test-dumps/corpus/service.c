// SPDX-License-Identifier: GPL-3.0-or-later
// A program of the corpus' guests, /bin/service, without a C library. What it does is its first argument:
//
// service frames	touches the second page of /dev/frames (the module's act frame_below)
// service shrunk	touches a page of a file which is empty by then: SIGBUS
// service worker	has a child by vfork() that never starts another program
// service illegal	runs a word that is no instruction: SIGILL
// service realtime	loops with real-time priority (FIFO)
// service easel	reads /dev/easel in one thread and maps it in another (the module's act easel_new)
// service threads	two threads take a lock each, and then wait for that of the other
// service crash	writes to address 8: SIGSEGV
// service pages	reads a page of each 32 MiB of a large mapping: page tables, and nothing in them
// service memory	has its memory swapped out, and touches it five seconds later
// service direct	asks the disk mishap0 for a page (aio, O_DIRECT), and ends before that comes
#include <linux/aio_abi.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/time_types.h>
#include <asm/unistd.h>

#define PAGE 16384L

long call(long number, ...);
long start_thread(long flags, char *stack_end, void (*body)(void));
void start(long *stack);

// the kernel does not keep the temporary registers: the body of a thread is on its stack
__asm__(".globl _start, call, start_thread\n"
	"_start: move $a0, $sp\n"
	"bstrins.d $sp, $zero, 3, 0\n"
	"bl start\n"
	"call: move $t0, $a0\n"
	"move $a0, $a1\n"
	"move $a1, $a2\n"
	"move $a2, $a3\n"
	"move $a3, $a4\n"
	"move $a4, $a5\n"
	"move $a5, $a6\n"
	"move $a7, $t0\n"
	"syscall 0\n"
	"jr $ra\n"
	"start_thread: st.d $a2, $a1, -16\n"
	"addi.d $a1, $a1, -16\n"
	"li.w $a7, 220\n"
	"syscall 0\n"
	"bnez $a0, 1f\n"
	"ld.d $t0, $sp, 0\n"
	"jirl $ra, $t0, 0\n"
	"1: jr $ra\n");

static void rest(long seconds)
{
	struct __kernel_timespec time = { seconds, 300000000 };

	call(__NR_nanosleep, &time, 0L);
}

static volatile char *map(const char *path, long flags)
{
	long file = call(__NR_openat, (long)AT_FDCWD, path, flags, 0600L);

	return (char *)call(__NR_mmap, 0L, 4 * PAGE, (long)(PROT_READ | PROT_WRITE),
			    (long)MAP_SHARED, file, 0L);
}

static void touch_frame(void)
{
	map("/dev/frames", O_RDWR)[PAGE] = 1;
}

static void touch_shrunk(void)
{
	map("/journal", O_RDWR | O_CREAT)[8] = 1;
}

// as a program for a newer CPU comes to it
static void run_illegal(void)
{
	__asm__ volatile(".word 0");
}

static void run_realtime(void)
{
	int priority = 50;

	call(__NR_sched_setscheduler, 0L, (long)SCHED_FIFO, &priority);
	for (;;)
		__asm__ volatile("");
}

static void start_worker(void)
{
	if (!call(__NR_clone, (long)(CLONE_VM | CLONE_VFORK | SIGCHLD), 0L, 0L, 0L, 0L))
		for (;;)
			rest(100);
}

static unsigned int accounts, orders;
static char stacks[2][PAGE] __attribute__((aligned(16)));

static void lock(unsigned int *word)
{
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE))
		call(__NR_futex, word, (long)FUTEX_WAIT, 2L, 0L, 0L, 0L);
}

static void pay(void)
{
	lock(&accounts);
	rest(0);
	lock(&orders);
}

static void ship(void)
{
	lock(&orders);
	rest(0);
	lock(&accounts);
}

static void start_threads(void)
{
	long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

	start_thread(flags, stacks[0] + PAGE, pay);
	start_thread(flags, stacks[1] + PAGE, ship);
	for (;;)
		rest(100);
}

static char canvas[2 * PAGE] __attribute__((aligned(16384)));

static void map_easel(void)
{
	rest(0);
	map("/dev/easel", O_RDWR);
}

// the page that is read to was never touched: the kernel comes to it by a page fault
static void read_easel(void)
{
	long file = call(__NR_openat, (long)AT_FDCWD, "/dev/easel", (long)O_RDWR, 0L);

	start_thread(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
		     stacks[0] + PAGE, map_easel);
	call(__NR_read, file, canvas + PAGE, 64L);
}

static volatile int *volatile nowhere = (int *)8;

static void crash(void)
{
	*nowhere = 1;
}

// what is read and was never written needs no memory but the tables
static void fill_tables(void)
{
	const long size = 1L << 45;
	long at = call(__NR_mmap, 0L, size, (long)PROT_READ,
		       (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1L, 0L);
	long end = at + size;

	call(__NR_madvise, at, size, (long)MADV_NOHUGEPAGE);
	for (; at < end; at += 1L << 25)
		(void)*(volatile char *)at;
}

static char desk[64 * PAGE] __attribute__((aligned(16384)));

static void touch_desk(void)
{
	long i;

	for (i = 0; i < (long)sizeof(desk); i += PAGE)
		desk[i]++;
}

static void swap_memory(void)
{
	touch_desk();
	call(__NR_madvise, desk, (long)sizeof(desk), (long)MADV_PAGEOUT);
	rest(5);
	touch_desk();
}

static void read_direct(void)
{
	aio_context_t requests = 0;
	struct iocb request = { .aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_buf = (unsigned long)desk,
				.aio_nbytes = PAGE };
	struct iocb *list = &request;

	request.aio_fildes =
		call(__NR_openat, (long)AT_FDCWD, "/dev/mishap0", (long)(O_RDONLY | O_DIRECT), 0L);
	call(__NR_io_setup, 8L, &requests);
	call(__NR_io_submit, requests, 1L, &list);
	rest(1);
}

void start(long *stack)
{
	const char *what = stack[0] > 1 ? (const char *)stack[2] : "";

	if (what[0] == 'f')
		touch_frame();
	else if (what[0] == 's')
		touch_shrunk();
	else if (what[0] == 'i')
		run_illegal();
	else if (what[0] == 'e')
		read_easel();
	else if (what[0] == 'r')
		run_realtime();
	else if (what[0] == 'w')
		start_worker();
	else if (what[0] == 't')
		start_threads();
	else if (what[0] == 'c')
		crash();
	else if (what[0] == 'p')
		fill_tables();
	else if (what[0] == 'm')
		swap_memory();
	else if (what[0] == 'd')
		read_direct();
	call(__NR_exit_group, 0L);
}
