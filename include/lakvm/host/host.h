/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the host had to say of a guest: the folder that lavirsh-dump writes (docs/lavirsh-dump.1 has its layout), with the
 * dump, the register text, the domain's XML, and what the host ran of the vCPUs. Whoever writes the folder may be anybody:
 * files are read by names that are known here, as long as they are files, and up to a size.
 */
#ifndef LAKVM_HOST_H
#define LAKVM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lakvm/base/arena.h"
#include "lakvm/base/status.h"

/** The thread of a vCPU on the host, over la_host.interval_ns. */
struct la_host_vcpu {
	unsigned vcpu; /* QEMU's cpu_index */
	char first,
		last; /* its state at the begin and at the end, as ps has it: R, S, D, T, ...; 0: unknown */
	bool known;         /* the two that follow */
	uint64_t ran_ns;    /* how long it was on a CPU of the host */
	uint64_t waited_ns; /* how long it could have run, and was not let */
};

/** What the domain's XML says of its CPU. */
struct la_host_cpu {
	bool known;        /* there is XML, all of it */
	bool given;        /* it has a <cpu> element */
	const char *mode;  /* of it: "custom", "host-passthrough", ...; NULL: not said */
	const char *model; /* "la464"; NULL: not said */
};

/* manifest, host, domain.xml */
#define LA_HOST_TEXTS 3

struct la_host {
	const char *memory;    /* path of the dump; NULL: the folder has none */
	const char *registers; /* path of the register text, or NULL */
	const char
		*text[LA_HOST_TEXTS]; /* paths of what else is read, whether it is there or not */
	bool running; /* the guest ran before it was suspended, or had been, when the host was looked at */
	struct la_host_cpu cpu;
	unsigned cpus;                   /* of the host; 0: unknown */
	const char *load;                /* its load averages, "0.52 0.58 0.59", or NULL */
	uint64_t interval_ns;            /* how long it was looked at; 0: it was not */
	bool steal_known;                /* the next one */
	uint64_t steal_ns;               /* what the host's own hypervisor took of its CPUs then */
	const struct la_host_vcpu *vcpu; /* as the file has them */
	size_t nvcpus;
	const char *remark; /* what of the folder is not as it was written, or NULL */
};

/**
 * Read the folder @path. LA_ABSENT: it is no folder. LA_INVALID: it is none of lavirsh-dump, not a whole one, or of a later
 * version. LA_IO, LA_NOMEM. What is missing or not understood in it is unknown in @ret. Everything belongs to @arena.
 */
enum la_status la_host_read(struct la_arena *arena, const char *path, struct la_host *ret,
			    struct la_error *err);

/** What the files "host" and "domain.xml" say, for tests and for la_host_read(); false: out of memory. */
bool la_host_parse_load(struct la_arena *arena, const char *text, size_t size, struct la_host *ret);
bool la_host_parse_domain(struct la_arena *arena, const char *text, size_t size,
			  struct la_host_cpu *ret);

/**
 * Why vCPU @vcpu did not run, in words that follow on "the host did not run vCPU 3: "; in @arena. NULL: it ran, or slept as an
 * idle one does, or the host does not tell, or the guest was not to run. What is told is of la_host.interval_ns, no more.
 */
const char *la_host_not_run(struct la_arena *arena, const struct la_host *h, unsigned vcpu);

#endif
