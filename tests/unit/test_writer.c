// SPDX-License-Identifier: GPL-3.0-or-later
// The dump that is written beside what is read, on one processor, on several, and where no thread can be had: the
// same bytes, and a write that fails is told of, whichever it is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "stream.h"
#include "convert/writer.h"

#define RAM (24 * MIB) /* several batches */
#define DATA MIB       /* where RAM begins in the dump */

ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);

static unsigned processors, threads;
static bool no_threads;
static unsigned fail_at, writes; /* the write that fails, counted from 1; 0: none */
static size_t most;              /* of bytes that one write takes; 0: all */

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (fail_at && ++writes >= fail_at) {
		errno = ENOSPC;
		return -1;
	}
	return __real_pwrite(fd, data, most && most < size ? most : size, offset);
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	if (no_threads)
		return EAGAIN;
	threads++;
	return __real_pthread_create(ret, attr, run, arg);
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	(void)pid, (void)size;
	CPU_ZERO(set);
	for (unsigned i = 0; i < processors; i++)
		CPU_SET(i, set);
	return 0;
}

static const struct {
	unsigned processors;
	bool no_threads;
} machine[] = { { 1, false }, { 2, false }, { 2, true } };
#define NMACHINES (sizeof(machine) / sizeof(machine[0]))

static void on(size_t n)
{
	processors = machine[n].processors;
	no_threads = machine[n].no_threads;
	threads = 0;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 8;
}

/* Pieces of any size at any place, later ones over earlier ones: as one write after the other. */
static void test_order(void **state)
{
	unsigned char *want = test_calloc(1, RAM), *got = test_malloc(RAM),
		      *data = test_malloc(MIB);

	(void)state;
	for (size_t m = 0; m < NMACHINES; m++) {
		struct la_writer w;
		uint32_t seed = 7;

		on(m);
		most = 300000; /* as disks that are nearly full have it */
		memset(want, 0, RAM);
		assert_int_equal(ftruncate(out, 0), 0);
		assert_int_equal(ftruncate(out, RAM), 0);
		assert_int_equal(la_writer_begin(&w, out, &err), LA_OK);
		for (unsigned i = 0; i < 150; i++) {
			const size_t size = next_random(&seed) % (i % 3 ? 5000 : MIB);
			const size_t at = next_random(&seed) % (RAM - MIB);

			memset(data, (int)(i % 255 + 1), size);
			memcpy(want + at, data, size);
			assert_int_equal(la_writer_put(&w, data, size, at, &err), LA_OK);
		}
		assert_int_equal(la_writer_end(&w, &err), LA_OK);
		assert_int_equal(pread(out, got, RAM, 0), RAM);
		assert_memory_equal(got, want, RAM);
		assert_int_equal(threads > 0, processors > 1 && !no_threads);
	}
	most = 0;
	test_free(want);
	test_free(got);
	test_free(data);
}

/* All pages, upwards, downwards or here and there; then some once more, of which some are zeros. */
static void make_stream(uint64_t step)
{
	const uint64_t pages = RAM / 4096;

	assert_int_equal(ftruncate(in, 0), 0);
	lseek(in, 0, SEEK_SET);
	head("virt-11.1");
	ram_start("loongarch.ram", RAM);
	ram_part(false);
	for (uint64_t i = 0; i < pages; i++)
		full_page(i ? NULL : "loongarch.ram", i * step % pages * 4096,
			  (unsigned char)(i * step % pages % 250 + 1), 4096);
	for (uint64_t i = 0; i < pages; i += 7) {
		if (i % 2)
			zero_page(NULL, i * 4096);
		else
			full_page(NULL, i * 4096, 0xfe, 4096);
	}
	ram_stop();
	ram_part(true);
	ram_stop();
}

static void check_pages(void)
{
	unsigned char want[4096], got[4096];

	for (uint64_t i = 0; i < RAM / 4096; i++) {
		memset(want, i % 7 ? (int)(i % 250 + 1) : i % 2 ? 0 : 0xfe, sizeof(want));
		assert_int_equal(pread(out, got, sizeof(got), (off_t)(DATA + 4096 * i)), 4096);
		assert_memory_equal(got, want, sizeof(got));
	}
}

static void test_streams(void **state)
{
	static const uint64_t step[] = { 1, RAM / 4096 - 1, 4099 };

	(void)state;
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		make_stream(step[i]);
		for (size_t m = 0; m < NMACHINES; m++) {
			on(m);
			assert_int_equal(ftruncate(out, 0), 0);
			assert_int_equal(convert_at(0), LA_OK);
			check_pages();
			assert_int_equal(threads > 0, processors > 1 && !no_threads);
		}
	}
}

/* Whichever write it is, and whatever else is wrong with the stream behind it: one reason. */
static void test_failing_writes(void **state)
{
	(void)state;
	for (int damaged = 0; damaged < 2; damaged++) {
		unsigned count = 0;

		make_stream(1);
		if (damaged) /* behind what fills two batches */
			assert_int_equal(ftruncate(in, 20 * MIB), 0);
		for (size_t m = 0; m < NMACHINES; m++) {
			on(m);
			for (fail_at = 1;; fail_at += 1 + fail_at / 2) {
				enum la_status status;

				writes = 0;
				la_error_clear(&err);
				assert_int_equal(ftruncate(out, 0), 0);
				status = convert_at(0);
				if (writes < fail_at) {
					assert_int_equal(status, damaged ? LA_TRUNCATED : LA_OK);
					break;
				}
				assert_int_equal(status, LA_IO);
				assert_string_equal(
					err.text,
					"the dump cannot be written: No space left on device");
				count++;
			}
			fail_at = 0;
		}
		assert_true(count >= 2 * NMACHINES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, start, finish),
		cmocka_unit_test_setup_teardown(test_streams, start, finish),
		cmocka_unit_test_setup_teardown(test_failing_writes, start, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
