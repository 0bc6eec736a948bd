// SPDX-License-Identifier: GPL-3.0-or-later
// A program of the lab's guests: one of its two threads hangs a CPU in the kernel with interrupts off (LKDTM's
// HARDLOCKUP), the other unmaps memory on another CPU and so waits for the first one to flush its TLB.
//
// shoot HUNG-CPU WAITING-CPU
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRIGGER "/sys/kernel/debug/provoke-crash/DIRECT"

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

static void *hang(void *cpu)
{
	int trigger = open(TRIGGER, O_WRONLY);

	run_on(*(int *)cpu);
	if (trigger < 0 || write(trigger, "HARDLOCKUP", 10) < 0)
		perror(TRIGGER);
	exit(1);
}

int main(int argc, char **argv)
{
	int hung = argc == 3 ? atoi(argv[1]) : 0;
	pthread_t thread;

	run_on(argc == 3 ? atoi(argv[2]) : 1);
	if (pthread_create(&thread, NULL, hang, &hung)) {
		perror("pthread_create");
		return 1;
	}
	for (;;) {
		char *page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return 1;
		*page = 1;
		munmap(page, 1 << 16);
	}
}
