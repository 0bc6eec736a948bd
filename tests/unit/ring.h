/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A printk ring for tests, written as the kernel writes it: desc_reserve(), data_alloc() and
 * get_next_lpos() of kernel/printk/printk_ringbuffer.c, reduced to one writer. It is the
 * reference for extensions/core/guest/log_ring.c and shares nothing with it.
 */
#ifndef LAKVM_TEST_RING_H
#define LAKVM_TEST_RING_H

#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "lakvm/guest/kernel.h"

#define RING_BASE UINT64_C(0x9000000000000000)
#define RING_PA 0x100000u

struct ring_desc {
	uint64_t state_var, begin, next;
};

struct ring {
	unsigned count_bits, size_bits;
	bool exact_fit_stays; /* 6.19 and later */
	bool execution_ctx;   /* printk_info of 112 bytes with caller_id2 and comm */
	uint64_t head_id, tail_id, head_lpos, tail_lpos, seq;
	struct ring_desc *desc;
	unsigned char *info, *data;
};

#define RING_ID(x) ((x) & ((UINT64_C(1) << 62) - 1))

static inline size_t ring_info_size(const struct ring *r)
{
	return r->execution_ctx ? 112 : 88;
}

static inline void ring_init(struct ring *r, unsigned count_bits, unsigned size_bits)
{
	uint64_t count = UINT64_C(1) << count_bits;

	*r = (struct ring){ .count_bits = count_bits, .size_bits = size_bits };
	r->desc = calloc(count, sizeof(*r->desc));
	r->info = calloc(count, 112);
	r->data = calloc(1, (size_t)1 << size_bits);
	/* DESC0_ID, DESC0_SV, BLK0_LPOS and FAILED_LPOS of printk_ringbuffer.h */
	r->head_id = r->tail_id = RING_ID(-(count + 1));
	r->head_lpos = r->tail_lpos = -(UINT64_C(1) << size_bits);
	r->desc[count - 1] = (struct ring_desc){ UINT64_C(3) << 62 | r->head_id, 1, 1 };
}

static inline void ring_free(struct ring *r)
{
	free(r->desc);
	free(r->info);
	free(r->data);
}

static inline struct ring_desc *ring_desc(struct ring *r, uint64_t id)
{
	return &r->desc[id & ((UINT64_C(1) << r->count_bits) - 1)];
}

static inline uint64_t ring_next_lpos(const struct ring *r, uint64_t lpos, uint64_t size)
{
	uint64_t next = lpos + size, last = r->exact_fit_stays ? next - 1 : next;

	if (lpos >> r->size_bits == last >> r->size_bits)
		return next;
	return (next & ~((UINT64_C(1) << r->size_bits) - 1)) + size;
}

static inline void ring_make_reusable(struct ring_desc *d)
{
	d->state_var |= UINT64_C(3) << 62;
}

/* Free the oldest data block: its descriptor becomes reusable (data_make_reusable()). */
static inline void ring_push_data_tail(struct ring *r)
{
	for (uint64_t id = r->tail_id;; id = RING_ID(id + 1)) {
		struct ring_desc *d = ring_desc(r, id);

		if (d->begin == r->tail_lpos && !(d->begin & 1) && d->begin != d->next) {
			ring_make_reusable(d);
			r->tail_lpos = d->next;
			return;
		}
		if (id == r->head_id)
			abort();
	}
}

/* @text NULL: a record without text, as printk("\n") leaves it. Returns the record's id. */
static inline uint64_t ring_add(struct ring *r, uint64_t ts_nsec, unsigned level, unsigned facility,
				uint32_t caller, const char *text)
{
	uint64_t count = UINT64_C(1) << r->count_bits, mask = (UINT64_C(1) << r->size_bits) - 1;
	uint64_t id = RING_ID(r->head_id + 1), size, at;
	unsigned char *info = r->info + (id & (count - 1)) * ring_info_size(r);
	struct ring_desc *d = ring_desc(r, id), *old;
	uint16_t len = (uint16_t)(text ? strlen(text) : 0);
	uint32_t caller2 = 0x80000000u;

	if (RING_ID(id - count) == r->tail_id) {
		old = ring_desc(r, r->tail_id);
		while (old->state_var >> 62 != 3)
			if (old->begin & 1)
				ring_make_reusable(old);
			else
				ring_push_data_tail(r);
		r->tail_id = RING_ID(r->tail_id + 1);
	}
	r->head_id = id;
	if (text) {
		size = (8 + (uint64_t)len + 7) & ~UINT64_C(7);
		d->begin = r->head_lpos;
		d->next = ring_next_lpos(r, r->head_lpos, size);
		d->state_var = id;
		while (d->next - r->tail_lpos > mask + 1)
			ring_push_data_tail(r);
		r->head_lpos = d->next;
		memcpy(r->data + (d->begin & mask), &id, 8);
		at = d->next - d->begin == size ? d->begin & mask : 0;
		memcpy(r->data + at, &id, 8);
		memcpy(r->data + at + 8, text, len);
	} else {
		d->begin = d->next = 3;
	}
	d->state_var = UINT64_C(2) << 62 | id;

	memset(info, 0, ring_info_size(r));
	memcpy(info, &r->seq, 8);
	memcpy(info + 8, &ts_nsec, 8);
	memcpy(info + 16, &len, 2);
	info[18] = (unsigned char)facility;
	info[19] = (unsigned char)(level << 5);
	memcpy(info + 20, &caller, 4);
	if (r->execution_ctx)
		memcpy(info + 24, &caller2, 4);
	r->seq++;
	return id;
}

/* Put the ring into the guest's memory, with the names and layouts the core asks for. */
static inline void ring_put(const struct ring *r, struct fake *f)
{
	uint64_t count = UINT64_C(1) << r->count_bits, pa = RING_PA;
	uint64_t descs = RING_PA + 0x1000, infos = descs + count * 24;
	uint64_t data = (infos + count * ring_info_size(r) + 0xfff) & ~UINT64_C(0xfff);

	fake_symbol(f, "prb", RING_BASE + pa, 8, NULL);
	fake_put_u64(f, pa, RING_BASE + pa + 0x100);
	fake_put_u32(f, pa + 0x100, r->count_bits);
	fake_put_u64(f, pa + 0x108, RING_BASE + descs);
	fake_put_u64(f, pa + 0x110, RING_BASE + infos);
	fake_put_u64(f, pa + 0x118, r->head_id);
	fake_put_u64(f, pa + 0x120, r->tail_id);
	fake_put_u64(f, pa + 0x128, 0);
	fake_put_u32(f, pa + 0x130, r->size_bits);
	fake_put_u64(f, pa + 0x138, RING_BASE + data);
	fake_put(f, pa + 0x140, (char[4000]){ 0 }, 4000 - 0x140);
	fake_put(f, descs, r->desc, count * 24);
	fake_put(f, infos, r->info, count * ring_info_size(r));
	fake_put(f, data, r->data, (size_t)1 << r->size_bits);
	/* The core reads whole blocks of 4 KiB; RAM ends on such a border. */
	fake_put(f, data + (UINT64_C(1) << r->size_bits), "", 1);
	if (r->execution_ctx) {
		fake_type(f, "printk_info", 112);
		fake_member(f, "printk_info", "caller_id2", 24, 4);
	}
}

static inline struct la_kernel ring_kernel(struct fake *f)
{
	struct la_kernel k = { .door = fake_door(f), .ncpus = 1 };

	k.mmu.dmw[1] = UINT64_C(0x9000000000000011);
	return k;
}

#endif
