// SPDX-License-Identifier: GPL-3.0-or-later
// Locks that are part of a structure: named where that structure says itself what it is, and not where only its shape fits.
#include "waits_guest.h"

#define INODE LOCK(0)
#define SB LOCK(2)
#define ROOT LOCK(4)
#define MM LOCK(6)
#define SIGNAL LOCK(8)
#define DEVICE LOCK(10)
#define KSET LOCK(12)
#define KSET_POINTER LOCK(13)
#define NAME LOCK(14)

#define I_DATA 0x80 /* an address_space, whose host is its first member */

static struct la_graph put_guest(struct test *t)
{
	static const struct {
		const char *type, *name;
		size_t offset, size;
	} members[] = {
		{ "inode", "i_rwsem", 0x20, 40 },
		{ "inode", "i_ino", 0x10, 8 },
		{ "inode", "i_sb", 0x18, 8 },
		{ "inode", "i_data", I_DATA, 0x80 },
		{ "address_space", "host", 0, 8 },
		{ "address_space", "i_mmap_rwsem", 0x28, 40 },
		{ "address_space", "invalidate_lock", 0x50, 40 },
		{ "super_block", "s_id", 0x40, 32 },
		{ "super_block", "s_umount", 0x70, 40 },
		{ "super_block", "s_root", 0x20, 8 },
		{ "dentry", "d_sb", 8, 8 },
		{ "super_block", "s_writers", 0x98, 0x60 },
		{ "sb_writers", "frozen", 0, 4 },
		{ "sb_writers", "rw_sem", 8, 0x30 },
		{ "mm_struct", "mmap_lock", 0x30, 40 },
		{ "signal_struct", "exec_update_lock", 0x40, 40 },
		{ "signal_struct", "cred_guard_mutex", 0x80, 32 },
		{ "device", "mutex", 0x60, 32 },
		{ "device", "kobj", 0x10, 64 },
		{ "kobject", "name", 0, 8 },
		{ "kobject", "kset", 8, 8 },
		{ "task_struct", "mm", 0x188, 8 },
	};
	struct la_graph g = { .k = &t->g.k, .arena = t->g.arena };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		fake_member(t->g.fake, members[i].type, members[i].name, members[i].offset,
			    members[i].size);
	for (uint64_t at = 0; at < 16 * 0x100; at += 8)
		put64(&t->g, LOCK(0) + at, 0);
	put64(&t->g, INODE + 0x10, 12);
	put64(&t->g, INODE + 0x18, SB);
	put64(&t->g, INODE + I_DATA, INODE);
	fake_put(t->g.fake, SB + 0x40 - WINDOW, "vda1", 5);
	put64(&t->g, SB + 0x20, ROOT);
	put64(&t->g, ROOT + 8, SB);
	fake_type(t->g.fake, "percpu_rw_semaphore", 0x10);
	fake_put_u32(t->g.fake, SB + 0x98 - WINDOW, 4);
	fake_symbol(t->g.fake, "devices_kset", KSET_POINTER, 8, NULL);
	put64(&t->g, KSET_POINTER, KSET);
	put64(&t->g, DEVICE + 0x10, NAME);
	put64(&t->g, DEVICE + 0x18, KSET);
	fake_put(t->g.fake, NAME - WINDOW, "virtio0", 8);
	add_task(t, 0, "tar", 2);
	put64(&t->g, TASK_OF(0) + 0x188, MM);
	put64(&t->g, TASK_OF(0) + T_SIGNAL, SIGNAL);
	g.node = la_alloc_n(t->g.arena, 1, sizeof(*g.node));
	la_task_read(g.k, TASK_OF(0), &g.node[0].task);
	g.n = 1;
	return g;
}

static void test_names(void **state)
{
	static const struct {
		enum la_thing_kind kind;
		uint64_t address;
		const char *name;
		uint64_t broken; /* what proves it: without it there is no name */
	} test[] = {
		{ LA_THING_RWSEM, INODE + 0x20, "the i_rwsem of inode 12 on vda1", INODE + I_DATA },
		{ LA_THING_RWSEM, INODE + 0x20, "the i_rwsem of inode 12 on vda1", SB + 0x40 },
		{ LA_THING_RWSEM, INODE + I_DATA + 0x28, "the i_mmap_rwsem of inode 12 on vda1",
		  INODE + I_DATA },
		{ LA_THING_RWSEM, INODE + I_DATA + 0x50, "the invalidate_lock of inode 12 on vda1",
		  INODE + 0x18 },
		{ LA_THING_RWSEM, SB + 0x70, "the s_umount of the file system on vda1", ROOT + 8 },
		{ LA_THING_PERCPU_RWSEM, SB + 0xa0 + 0x10,
		  "the right to write to the file system on vda1, which is frozen (fsfreeze -u ends that)",
		  ROOT + 8 },
		{ LA_THING_RWSEM, MM + 0x30, "the mmap_lock of process tar (PID 100)",
		  TASK_OF(0) + 0x188 },
		{ LA_THING_RWSEM, SIGNAL + 0x40, "the exec_update_lock of process tar (PID 100)",
		  TASK_OF(0) + T_SIGNAL },
		{ LA_THING_MUTEX, SIGNAL + 0x80, "the cred_guard_mutex of process tar (PID 100)",
		  TASK_OF(0) + T_SIGNAL },
		{ LA_THING_MUTEX, DEVICE + 0x60, "the lock of the device virtio0", DEVICE + 0x18 },
		{ LA_THING_MUTEX, DEVICE + 0x60, "the lock of the device virtio0", NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(test) / sizeof(test[0]); i++)
		for (int broken = 0; broken < 2; broken++) {
			struct test *t = start();
			struct la_graph g = put_guest(t);
			const char *name;

			if (broken)
				put64(&t->g, test[i].broken, 0x01);
			name = la_lock_name(&g, test[i].kind, test[i].address);
			if (broken)
				assert_null(name);
			else
				assert_string_equal(name, test[i].name);
			/* another kind of lock there is none of these */
			assert_null(la_lock_name(&g, LA_THING_SEMAPHORE, test[i].address));
			guest_free(&t->g);
			free(t);
		}
}

/* Addresses that nothing lies around, and a kernel whose structures nobody knows. */
static void test_nothing(void **state)
{
	struct test *t = *state;
	struct la_graph g = { .k = &t->g.k, .arena = t->g.arena };

	assert_null(la_lock_name(&g, LA_THING_RWSEM, LOCK(0)));
	g = put_guest(t);
	assert_null(la_lock_name(&g, LA_THING_RWSEM, 8));
	assert_null(la_lock_name(&g, LA_THING_MUTEX, UINT64_MAX));
	assert_null(la_lock_name(&g, LA_THING_RWSEM, LOCK(15)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
