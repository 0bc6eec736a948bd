// SPDX-License-Identifier: GPL-3.0-or-later
// The log of Linux 3.5 to 5.9: a ring of bytes (kernel/printk/printk.c).
#include "log_reader.h"

#include "base/bytes.h"

/* struct printk_log: ts_nsec, len, text_len, dict_len, facility, flags:5 level:3 [, caller_id] */
enum la_status la_log_read_bytes(struct la_log_reader *r, struct la_error *err)
{
	const struct la_door *door = r->k->door;
	uint64_t buf, size, pos, end, seq = 0;
	size_t header = 16;
	struct la_member caller;
	bool has_caller, wrapped = false;
	enum la_status st;

	st = la_read_variable(r->k, "log_buf", 8, &buf, err);
	if (st == LA_OK)
		st = la_read_variable(r->k, "log_buf_len", 4, &size, err);
	if (st == LA_OK)
		st = la_read_variable(r->k, "log_first_idx", 4, &pos, err);
	if (st == LA_OK)
		st = la_read_variable(r->k, "log_next_idx", 4, &end, err);
	if (st != LA_OK)
		return st;
	la_read_variable(r->k, "log_first_seq", 8, &seq, NULL);
	door->type_size(door->ctx, "printk_log", &header);
	/* CONFIG_PRINTK_CALLER, 5.1 and later */
	has_caller =
		door->member(door->ctx, "printk_log", "caller_id", &caller) && caller.offset == 16;
	if (header < (has_caller ? 20 : 16) || header > 64 ||
	    size > UINT64_C(1) << LA_LOG_MAX_SIZE_BITS || size < header || pos > size - header ||
	    end > size)
		return la_fail(err, LA_CORRUPT, "log_buf: positions outside its %llu bytes",
			       (unsigned long long)size);

	/* Each step moves forward and the ring is left at most once, so this ends. */
	while (pos != end) {
		unsigned char raw[64];
		struct la_record *rec;
		size_t len, text_len;

		if (pos > size - header)
			return la_fail(err, LA_CORRUPT, "log_buf: record over its end");
		st = la_log_window_read(r, r->infos, buf + pos, raw, header, err);
		if (st != LA_OK)
			return la_fail(err, st, "log_buf");
		len = la_le16(raw + 8);
		if (!len) { /* nothing more fits behind here: go on at the start */
			if (wrapped)
				return la_fail(err, LA_CORRUPT, "log_buf: wraps twice");
			wrapped = true;
			pos = 0;
			continue;
		}
		text_len = la_le16(raw + 10);
		if (len < header || len > size - pos || (wrapped && pos > end))
			return la_fail(err, LA_CORRUPT, "log_buf: record of %zu bytes", len);
		if (text_len > len - header)
			text_len = len - header;

		rec = la_log_add(r);
		if (!rec)
			return la_fail(err, LA_NOMEM, "log_buf");
		*rec = (struct la_record){ .seq = seq,
					   .ts_nsec = la_le64(raw),
					   .facility = raw[14],
					   .level = raw[15] >> 5,
					   .caller_id = has_caller ? la_le32(raw + 16) : UINT32_MAX,
					   .caller_id2 = UINT32_MAX,
					   .text = "",
					   .subsystem = "",
					   .device = "" };
		seq++;
		st = la_log_text(r, buf + pos + header, text_len, rec, err);
		if (st == LA_NOMEM)
			return la_fail(err, st, "log_buf");
		if (st != LA_OK) {
			r->log->n--;
			r->log->lost++;
		}
		pos += len;
	}
	return LA_OK;
}
