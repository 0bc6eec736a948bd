// SPDX-License-Identifier: GPL-3.0-or-later
// The log of Linux 5.10 and later: a ring of records (kernel/printk/printk_ringbuffer.[ch]).
#include "log_reader.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

/* More records than any kernel makes. */
#define MAX_COUNT_BITS 20

#define ID_MASK ((UINT64_C(1) << 62) - 1)
enum desc_state { DESC_RESERVED, DESC_COMMITTED, DESC_FINALIZED, DESC_REUSABLE };

/* Where things lie; the initial values are those of 5.10 to 7.2, used where DWARF is silent. */
struct layout {
	size_t ring_descs, ring_data;
	size_t count_bits, descs, infos, head_id, tail_id;
	size_t size_bits, data;
	size_t desc_size, state_var, lpos, begin, next;
	size_t info_size, seq, ts_nsec, text_len, facility, caller_id, caller_id2;
	size_t dev_info, subsystem, device;
};

#define NO_MEMBER SIZE_MAX

/* struct dev_printk_info (dev_printk.h): char subsystem[16], device[48]. */
#define DEVICE_OFFSET 16
#define DEV_INFO_SIZE 64

static const struct layout default_layout = {
	.ring_descs = 0,
	.ring_data = 48,
	.count_bits = 0,
	.descs = 8,
	.infos = 16,
	.head_id = 24,
	.tail_id = 32,
	.size_bits = 0,
	.data = 8,
	.desc_size = 24,
	.state_var = 0,
	.lpos = 8,
	.begin = 0,
	.next = 8,
	.info_size = 88,
	.seq = 0,
	.ts_nsec = 8,
	.text_len = 16,
	.facility = 18,
	.caller_id = 20,
	.caller_id2 = NO_MEMBER, /* since 7.0, with CONFIG_PRINTK_EXECUTION_CTX only */
	.dev_info = NO_MEMBER,
	.subsystem = 0,
	.device = DEVICE_OFFSET,
};

static const struct {
	const char *type, *member;
	size_t slot; /* of struct layout */
} layout_member[] = {
#define AT(t, m, s) #t, #m, offsetof(struct layout, s)
	{ AT(printk_ringbuffer, desc_ring, ring_descs) },
	{ AT(printk_ringbuffer, text_data_ring, ring_data) },
	{ AT(prb_desc_ring, count_bits, count_bits) },
	{ AT(prb_desc_ring, descs, descs) },
	{ AT(prb_desc_ring, infos, infos) },
	{ AT(prb_desc_ring, head_id, head_id) },
	{ AT(prb_desc_ring, tail_id, tail_id) },
	{ AT(prb_data_ring, size_bits, size_bits) },
	{ AT(prb_data_ring, data, data) },
	{ AT(prb_desc, state_var, state_var) },
	{ AT(prb_desc, text_blk_lpos, lpos) },
	{ AT(prb_data_blk_lpos, begin, begin) },
	{ AT(prb_data_blk_lpos, next, next) },
	{ AT(printk_info, seq, seq) },
	{ AT(printk_info, ts_nsec, ts_nsec) },
	{ AT(printk_info, text_len, text_len) },
	{ AT(printk_info, facility, facility) },
	{ AT(printk_info, caller_id, caller_id) },
	{ AT(printk_info, caller_id2, caller_id2) },
	{ AT(printk_info, dev_info, dev_info) },
	{ AT(dev_printk_info, subsystem, subsystem) },
	{ AT(dev_printk_info, device, device) },
#undef AT
};

static void set_slot(struct layout *l, size_t slot, size_t value)
{
	memcpy((char *)l + slot, &value, sizeof(value));
}

static void find_layout(const struct la_door *door, struct layout *ret)
{
	size_t size;

	*ret = default_layout;
	for (size_t i = 0; i < sizeof(layout_member) / sizeof(layout_member[0]); i++) {
		struct la_member m;

		if (door->member(door->ctx, layout_member[i].type, layout_member[i].member, &m))
			set_slot(ret, layout_member[i].slot, m.offset);
	}
	if (door->type_size(door->ctx, "prb_desc", &size))
		ret->desc_size = size;
	if (door->type_size(door->ctx, "printk_info", &size))
		ret->info_size = size;
}

/* One value for all members: larger than any of them, so no offset can leave it. */
#define MAX_STRUCT 512

static bool layout_sane(const struct layout *l)
{
	const size_t slots = sizeof(*l) / sizeof(size_t);

	for (size_t i = 0; i < slots; i++) {
		size_t value;

		memcpy(&value, (const char *)l + i * sizeof(value), sizeof(value));
		if (value != NO_MEMBER && value > MAX_STRUCT - 16)
			return false;
	}
	return l->desc_size >= 24 && l->info_size >= 24 && l->state_var <= l->desc_size - 8 &&
	       l->lpos <= l->desc_size - 16 && l->begin <= 8 && l->next <= 8 &&
	       l->seq <= l->info_size - 8 && l->ts_nsec <= l->info_size - 8 &&
	       l->text_len <= l->info_size - 2 && l->facility <= l->info_size - 2 &&
	       l->caller_id <= l->info_size - 4 &&
	       (l->caller_id2 == NO_MEMBER || l->caller_id2 <= l->info_size - 4) &&
	       (l->dev_info == NO_MEMBER ||
		(l->info_size >= DEV_INFO_SIZE && l->dev_info <= l->info_size - DEV_INFO_SIZE &&
		 l->subsystem < l->device && l->device < DEV_INFO_SIZE));
}

struct ring {
	struct layout at;
	uint64_t descs, infos, data;
	unsigned count_bits, size_bits;
	uint64_t head_id, tail_id;
};

/* A log that is another kernel's is never taken for this one's. */
static enum la_status in_own_image(const struct la_kernel *k, const char *name, uint64_t va,
				   struct la_error *err)
{
	if (la_in_image(k, va))
		return LA_OK;
	if (la_relocated(k, err) != LA_OK)
		return LA_CORRUPT;
	return la_fail(err, LA_CORRUPT, "%s leads to %#" PRIx64 ", outside this kernel", name, va);
}

/* Of a ring that the file has already: one that was made later lies anywhere. */
static enum la_status check_static(const struct la_log_reader *r, const struct ring *ring,
				   uint64_t prb, struct la_error *err)
{
	const struct la_door *door = r->k->door;
	enum la_status st;
	uint64_t own;

	if (!door->symbol(door->ctx, "printk_rb_static", &own) || own != prb)
		return LA_OK;
	if ((st = in_own_image(r->k, "the ring's descs", ring->descs, err)) != LA_OK ||
	    (st = in_own_image(r->k, "the ring's infos", ring->infos, err)) != LA_OK)
		return st;
	return in_own_image(r->k, "the ring's data", ring->data, err);
}

static enum la_status open_ring(const struct la_log_reader *r, struct ring *ret,
				struct la_error *err)
{
	const struct layout *at = &ret->at;
	uint64_t prb, d, t;
	uint32_t count_bits, size_bits;
	enum la_status st;

	find_layout(r->k->door, &ret->at);
	if (!layout_sane(at))
		return la_fail(err, LA_CORRUPT, "printk's structures have impossible layouts");
	st = la_read_variable(r->k, "prb", 8, &prb, err);
	if (st != LA_OK)
		return st;
	if ((st = in_own_image(r->k, "prb", prb, err)) != LA_OK)
		return st;
	d = prb + at->ring_descs;
	t = prb + at->ring_data;
	if ((st = la_read_u32(r->k, d + at->count_bits, &count_bits, err)) != LA_OK ||
	    (st = la_read_u64(r->k, d + at->descs, &ret->descs, err)) != LA_OK ||
	    (st = la_read_u64(r->k, d + at->infos, &ret->infos, err)) != LA_OK ||
	    (st = la_read_u64(r->k, d + at->head_id, &ret->head_id, err)) != LA_OK ||
	    (st = la_read_u64(r->k, d + at->tail_id, &ret->tail_id, err)) != LA_OK ||
	    (st = la_read_u32(r->k, t + at->size_bits, &size_bits, err)) != LA_OK ||
	    (st = la_read_u64(r->k, t + at->data, &ret->data, err)) != LA_OK)
		return la_fail(err, st, "printk_ringbuffer");
	if (count_bits > MAX_COUNT_BITS || size_bits > LA_LOG_MAX_SIZE_BITS || size_bits < 4)
		return la_fail(err, LA_CORRUPT, "printk ring of 2^%u records and 2^%u bytes",
			       count_bits, size_bits);
	ret->count_bits = count_bits;
	ret->size_bits = size_bits;
	ret->head_id &= ID_MASK;
	ret->tail_id &= ID_MASK;
	return check_static(r, ret, prb, err);
}

/*
 * Position and size of a data block in the ring, as get_data() of printk_ringbuffer.c finds it.
 * A block that does not fit before the end of the ring lies at its start. Up to 6.18 a block that
 * would end exactly at the end also moves to the start, since 6.19 it stays; then, and never
 * before, the position behind it is a multiple of the ring's size. Comparing with next - 1 is
 * thus right for both. Logical positions begin just below 2^64 and wrap: only differences count.
 */
static bool block_position(const struct ring *ring, uint64_t begin, uint64_t next,
			   uint64_t *offset_ret, uint64_t *size_ret)
{
	const uint64_t size = UINT64_C(1) << ring->size_bits;
	uint64_t wraps = ((next - 1) >> ring->size_bits) - (begin >> ring->size_bits);

	if (wraps == 0) {
		*offset_ret = begin & (size - 1);
		*size_ret = next - begin;
	} else if (((wraps - 1) << ring->size_bits) == 0) {
		*offset_ret = 0;
		*size_ret = next & (size - 1);
	} else {
		return false;
	}
	return begin % 8 == 0 && next % 8 == 0 && *size_ret >= 8 && *size_ret <= size;
}

static void read_device(const struct la_log_reader *r, const struct layout *at,
			const unsigned char *dev_info, struct la_record *rec)
{
	const char *text = (const char *)dev_info;

	if (text[at->subsystem])
		rec->subsystem =
			la_strndup(r->arena, text + at->subsystem, at->device - at->subsystem);
	if (text[at->device])
		rec->device = la_strndup(r->arena, text + at->device, DEV_INFO_SIZE - at->device);
	if (!rec->subsystem || !rec->device) /* no memory: the text is what counts */
		rec->subsystem = rec->device = "";
}

/* Reads the record with @id. *@lost: it was there once and cannot be read. */
static enum la_status read_record(struct la_log_reader *r, const struct ring *ring, uint64_t id,
				  bool *lost, struct la_error *err)
{
	const struct layout *at = &ring->at;
	const uint64_t index = id & ((UINT64_C(1) << ring->count_bits) - 1);
	unsigned char desc[MAX_STRUCT], info[MAX_STRUCT], word[8];
	uint64_t state_var, begin, next, offset, size, len;
	struct la_record rec = { .text = "", .subsystem = "", .device = "" };
	struct la_record *slot;
	enum la_status st;

	*lost = true;
	st = la_log_window_read(r, r->descs, ring->descs + index * at->desc_size, desc,
				at->desc_size, err);
	if (st != LA_OK)
		return st;
	state_var = la_le64(desc + at->state_var);
	/* Not yet written, or written over or given free: no loss, just not part of the log. */
	*lost = false;
	if ((state_var & ID_MASK) != id || state_var >> 62 == DESC_RESERVED ||
	    state_var >> 62 == DESC_REUSABLE)
		return LA_OK;

	*lost = true;
	st = la_log_window_read(r, r->infos, ring->infos + index * at->info_size, info,
				at->info_size, err);
	if (st != LA_OK)
		return st;
	rec.seq = la_le64(info + at->seq);
	rec.ts_nsec = la_le64(info + at->ts_nsec);
	rec.facility = info[at->facility];
	rec.level = info[at->facility + 1] >> 5; /* u8 flags:5, level:3 follow the facility */
	rec.caller_id = la_le32(info + at->caller_id);
	rec.caller_id2 = at->caller_id2 == NO_MEMBER ? UINT32_MAX : la_le32(info + at->caller_id2);

	if (at->dev_info != NO_MEMBER)
		read_device(r, at, info + at->dev_info, &rec);

	begin = la_le64(desc + at->lpos + at->begin);
	next = la_le64(desc + at->lpos + at->next);
	if ((begin & 1) && (next & 1)) {
		/* No data: 3 is an empty line, 1 a record whose text found no room. */
		if (begin != 3 || next != 3)
			return LA_OK;
	} else {
		if (!block_position(ring, begin, next, &offset, &size))
			return la_fail(err, LA_CORRUPT, "record %llu has no sound place",
				       (unsigned long long)rec.seq);
		st = la_log_window_read(r, r->text, ring->data + offset, word, sizeof(word), err);
		if (st != LA_OK)
			return st;
		if (la_le64(word) != id)
			return LA_OK; /* its text was overwritten by a newer record */
		len = la_le16(info + at->text_len);
		if (len > size - 8)
			len = size - 8;
		if (len > LA_LOG_MAX_TEXT)
			len = LA_LOG_MAX_TEXT;
		st = la_log_text(r, ring->data + offset + 8, (size_t)len, &rec, err);
		if (st != LA_OK)
			return st;
	}
	slot = la_log_add(r);
	if (!slot)
		return LA_NOMEM;
	*slot = rec;
	*lost = false;
	return LA_OK;
}

/*
 * Records that come after the head. desc_reserve() moves the head before it gives the record's descriptor that id, both by
 * cmpxchg() (5.10 to 7.2): in memory of one instant there is none. A descriptor that was never used is all zeros.
 */
static size_t count_ahead(struct la_log_reader *r, const struct ring *ring)
{
	const uint64_t count = UINT64_C(1) << ring->count_bits;
	size_t n = 0;

	for (uint64_t k = 1; k < count; k++) {
		const uint64_t id = (ring->head_id + k) & ID_MASK;
		unsigned char word[8];

		if (la_log_window_read(r, r->descs,
				       ring->descs + (id & (count - 1)) * ring->at.desc_size +
					       ring->at.state_var,
				       word, sizeof(word), NULL) == LA_OK &&
		    la_le64(word) && (la_le64(word) & ID_MASK) == id)
			n++;
	}
	return n;
}

enum la_status la_log_read_ring(struct la_log_reader *r, struct la_error *err)
{
	enum la_status worst = LA_OK;
	struct ring ring;
	uint64_t n, id;

	enum la_status st = open_ring(r, &ring, err);
	if (st != LA_OK)
		return st;

	n = ((ring.head_id - ring.tail_id) & ID_MASK) + 1;
	id = ring.tail_id;
	if (n > UINT64_C(1) << ring.count_bits) {
		worst = la_fail(err, LA_CORRUPT, "printk ring: tail %#llx behind head %#llx",
				(unsigned long long)ring.tail_id, (unsigned long long)ring.head_id);
		n = UINT64_C(1) << ring.count_bits;
		id = (ring.head_id - (n - 1)) & ID_MASK;
	}
	for (; n; n--, id = (id + 1) & ID_MASK) {
		struct la_error why = { "" };
		bool lost;

		/* Only the first failure is worded: of hostile memory there may be as many as records. */
		st = read_record(r, &ring, id, &lost, worst == LA_OK ? &why : NULL);
		if (st == LA_NOMEM)
			return la_fail(err, st, "printk ring");
		r->log->lost += lost;
		if (st != LA_OK && worst == LA_OK)
			worst = la_fail(err, st, "%s", why.text[0] ? why.text : la_status_text(st));
	}
	r->log->ahead = count_ahead(r, &ring);
	return worst;
}
