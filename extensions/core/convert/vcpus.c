// SPDX-License-Identifier: GPL-3.0-or-later
// The vCPUs' registers in the devices' state. Sections of devices do not tell their length, but
// the stream ends with a description (JSON, section VMDESCRIPTION; QEMU 2.3 and later) of each
// device's fields, their names and sizes: QEMU migration/vmstate.c, scripts/analyze-migration.py.
// So nothing here depends on where a QEMU has its fields. A section of a vCPU is found by its
// header and proved by the end mark that must stand where the description says that it ends.
#include "vcpus.h"
#include "stream.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#define MAX_VCPUS 1024
#define MAX_JSON ((size_t)4 << 20) /* of 256 vCPUs: 1.4 MB */
#define CSR_TEXT 4096
/*
 * Fields and elements of arrays visited for one vCPU; its TLB of 2112 entries makes 10,600. A hostile
 * description ends here.
 */
#define MAX_FIELDS 100000
/* Of all of them together, with what 1024 such vCPUs make. */
#define MAX_ALL_FIELDS 12000000

static uint64_t be(const uint8_t *data, uint64_t bytes)
{
	uint64_t value = 0;

	for (uint64_t i = 0; i < bytes; i++)
		value = value << 8 | data[i];
	return value;
}

/* The description: the last thing in the stream, apart from what padding there is. */
static json_t *find_description(const uint8_t *tail, size_t size)
{
	for (size_t at = size < 7 ? 0 : size - 6; at-- > 0;) {
		uint64_t n = be(tail + at + 1, 4);
		json_t *json;

		if (tail[at] != LA_VM_VMDESCRIPTION || tail[at + 5] != '{' || n > size - at - 5)
			continue;
		if (n > MAX_JSON)
			return NULL;
		json = json_loadb((const char *)tail + at + 5, n, 0, NULL);
		if (json)
			return json;
	}
	return NULL;
}

struct cpu_reader {
	struct la_saved_cpu *cpu;
	size_t csr_used;
	bool full;        /* more CSRs than there is room for */
	unsigned *budget; /* fields that may still be visited */
};

/* The field's own name: "env.sys_states[0].CSR_CRMD" is CSR_CRMD. */
static const char *last_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static void take_csr(struct cpu_reader *r, const char *name, bool array, uint64_t index,
		     uint64_t value)
{
	char number[8] = "";
	int n;

	if (strlen(name) > 12 ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(name))
		return;
	if (array)
		snprintf(number, sizeof(number), "%u", (unsigned)index & 0xff);
	n = snprintf(r->cpu->csrs + r->csr_used, CSR_TEXT - r->csr_used, "%s%s %llx ", name, number,
		     (unsigned long long)value);
	if (n < 0 || (size_t)n >= CSR_TEXT - r->csr_used)
		r->full = true;
	else
		r->csr_used += (size_t)n;
	if (!strcmp(name, "ERA"))
		r->cpu->era = value;
	else if (!strcmp(name, "BADV"))
		r->cpu->badv = value;
}

/* One number; @outer and @outer_i: the array of structures that it is in. */
static void take_number(struct cpu_reader *r, const char *name, bool array, uint64_t i,
			const char *outer, uint64_t outer_i, uint64_t value)
{
	struct la_saved_cpu *cpu = r->cpu;

	if (!strcmp(name, "gpr") && i < 32) {
		cpu->gpr[i] = value;
		cpu->known |= 1u << i;
	} else if (!strcasecmp(name, "pc")) {
		cpu->pc = value;
		cpu->pc_known = true;
	} else if (!strncmp(name, "CSR_", 4)) {
		take_csr(r, name + 4, array, i, value);
	} else if (!strcmp(name, "fcsr0")) {
		cpu->fcsr = (uint32_t)value;
	} else if (!strcmp(name, "cf") && i < 8) {
		cpu->fcc |= (value & 1) << 8 * i; /* read_fcc() in target/loongarch/cpu.c */
	} else if (!strcmp(outer, "fpr") && !strcmp(name, "UD[0]") && outer_i < 32) {
		cpu->fpr[outer_i] = value;
	}
}

/*
 * Walk the fields and subsections of @described over the @size bytes at @data. Returns the bytes
 * they take, 0 if they do not fit. jansson bounds how deep a description can be nested.
 */
static uint64_t walk(struct cpu_reader *r, const json_t *described, const uint8_t *data,
		     uint64_t size, const char *outer, uint64_t outer_i)
{
	const json_t *fields = json_object_get(described, "fields"), *each;
	uint64_t at = 0;
	size_t n;

	json_array_foreach (fields, n, each) {
		const char *name = json_string_value(json_object_get(each, "name"));
		const json_t *inner = json_object_get(each, "struct");
		const json_t *len = json_object_get(each, "array_len");
		json_int_t one = json_integer_value(json_object_get(each, "size"));
		json_int_t count = len ? json_integer_value(len) : 1;

		if (!*r->budget)
			return 0;
		--*r->budget;
		if (one < 0 || count < 0 || (one && (uint64_t)count > (size - at) / (uint64_t)one))
			return 0;
		name = last_name(name ? name : "");
		for (json_int_t i = 0; one && i < count; i++, at += (uint64_t)one) {
			if (!*r->budget)
				return 0;
			--*r->budget;
			if (inner)
				walk(r, inner, data + at, (uint64_t)one, name, (uint64_t)i);
			else if (one <= 8)
				take_number(r, name, len != NULL, (uint64_t)i, outer, outer_i,
					    be(data + at, (uint64_t)one));
		}
	}
	json_array_foreach (json_object_get(described, "subsections"), n, each) {
		const char *name = json_string_value(json_object_get(each, "vmsd_name"));
		size_t length = name ? strlen(name) : 0;
		uint64_t head = 2 + length + 4, used;

		if (!length || size - at < head || data[at] != LA_VM_SUBSECTION ||
		    data[at + 1] != length || memcmp(data + at + 2, name, length))
			return 0;
		used = walk(r, each, data + at + head, size - at - head, "", 0);
		if (!used)
			return 0;
		at += head + used;
	}
	return at;
}

/* Read the section of one vCPU; *@from is where to look first, and moves behind it. */
static bool read_cpu(struct la_arena *arena, const json_t *device, const uint8_t *tail, size_t size,
		     size_t *from, unsigned *all, struct la_saved_cpu *ret)
{
	uint32_t instance = (uint32_t)json_integer_value(json_object_get(device, "instance_id"));
	uint32_t version = (uint32_t)json_integer_value(json_object_get(device, "version"));
	uint8_t head[12] = "\3cpu";
	const uint8_t *end = tail + size, *at = tail + *from;
	char *csrs = la_alloc(arena, CSR_TEXT);
	unsigned budget = *all < MAX_FIELDS ? *all : MAX_FIELDS;

	*all -= budget;
	for (int i = 0; i < 4; i++) {
		head[4 + i] = (uint8_t)(instance >> (24 - 8 * i));
		head[8 + i] = (uint8_t)(version >> (24 - 8 * i));
	}
	while (csrs && budget && (at = memmem(at, (size_t)(end - at), head, sizeof(head)))) {
		struct cpu_reader r = { .cpu = ret, .budget = &budget };
		const uint8_t *id = at - 4;
		uint64_t used;

		at += sizeof(head);
		if (at - tail < (ptrdiff_t)sizeof(head) + 5 || id[-1] != LA_VM_FULL)
			continue;
		*ret = (struct la_saved_cpu){ .vcpu = instance, .csrs = csrs };
		csrs[0] = '\0';
		budget--;
		used = walk(&r, device, at, (uint64_t)(end - at), "", 0);
		if (!used || (uint64_t)(end - at) < used + 5 || at[used] != LA_VM_FOOTER ||
		    memcmp(at + used + 1, id, 4))
			continue;
		*from = (size_t)(at - tail) + used + 5;
		*all += budget;
		return ret->known == UINT32_MAX && ret->pc_known && !r.full;
	}
	return false;
}

static bool is_cpu(const json_t *device)
{
	const char *name = json_string_value(json_object_get(device, "name"));

	return name && !strcmp(name, "cpu");
}

enum la_status la_saved_cpus(struct la_arena *arena, const uint8_t *tail, size_t size,
			     struct la_saved_cpu **ret, size_t *ret_n, unsigned *ret_version,
			     struct la_error *err)
{
	json_t *description = find_description(tail, size);
	const json_t *devices = json_object_get(description, "devices"), *device;
	enum la_status status = LA_OK;
	size_t i, n = 0, from = 0;
	unsigned all = MAX_ALL_FIELDS;

	*ret_n = 0;
	json_array_foreach (devices, i, device)
		n += is_cpu(device);
	if (!description)
		status = la_fail(err, LA_ABSENT,
				 "the stream ends without a description of its devices");
	else if (!n)
		status = la_fail(err, LA_ABSENT, "the stream describes no vCPU");
	else if (n > MAX_VCPUS)
		status = la_fail(err, LA_CORRUPT, "the stream describes %zu vCPUs", n);
	else if (!(*ret = la_alloc_n(arena, n, sizeof(**ret))))
		status = la_fail(err, LA_NOMEM, "registers of %zu vCPUs", n);
	n = 0;
	json_array_foreach (devices, i, device) {
		if (status != LA_OK || !is_cpu(device))
			continue;
		*ret_version = (unsigned)json_integer_value(json_object_get(device, "version"));
		if (!read_cpu(arena, device, tail, size, &from, &all, &(*ret)[n]))
			status = la_fail(err, LA_CORRUPT,
					 "the state of vCPU %zu is not as the stream describes it",
					 n);
		n++;
	}
	json_decref(description);
	if (status == LA_OK)
		*ret_n = n;
	return status;
}

char *la_saved_cpus_text(struct la_arena *arena, const struct la_saved_cpu *cpu, size_t n)
{
	const size_t each = CSR_TEXT + 32 * 24 + 256;
	char *text = la_alloc_n(arena, n ? n : 1, each), *at = text, *end = text + n * each;

	for (size_t i = 0; text && i < n; i++, cpu++) {
		at += snprintf(at, (size_t)(end - at), "CPU#%u\n PC=%016llx  FCSR0 0x%08x\n",
			       cpu->vcpu, (unsigned long long)cpu->pc, cpu->fcsr);
		for (unsigned r = 0; r < 32; r++)
			at += snprintf(at, (size_t)(end - at), "%s r%u %016llx%s",
				       r % 4 ? "" : " GPR:", r, (unsigned long long)cpu->gpr[r],
				       r % 4 == 3 ? "\n" : "");
		at += snprintf(at, (size_t)(end - at), " CSR: %s\n\n", cpu->csrs);
	}
	return text;
}
