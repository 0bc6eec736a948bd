// SPDX-License-Identifier: GPL-3.0-or-later
// Where the memory of a guest went that ran out of it.
#include <inttypes.h>
#include <string.h>

#include "collect.h"

static bool ran_out(const struct la_triage *t)
{
	if (t->word && !strcmp(t->word->kind, "oom"))
		return true;
	for (size_t i = 0; i < t->events.n; i++)
		if (!strcmp(la_event_name(&t->events.event[i]), "oom"))
			return true;
	return false;
}

void la_triage_memory(const struct la_kernel *k, struct la_triage *t, struct la_judgement *j)
{
	struct la_error err = { "" };
	const struct la_meminfo *m = &t->memory;
	enum la_status status;
	const char *text = "";

	if (!ran_out(t))
		return;
	status = la_meminfo_read(k, &t->memory, &err);
	if (status != LA_OK) {
		la_triage_fact(j, "vm_node_stat", "where the memory went is not known: %s",
			       err.text[0] ? err.text : la_status_text(status));
		return;
	}
	t->memory_known = true;
	for (enum la_memory i = 0; text && i < LA_NMEMORY; i++)
		text = la_format(j->arena, "%s%s%s %" PRIu64, text, i ? ", " : "",
				 la_memory_name(i), m->bytes[i] >> 20);
	if (text)
		la_triage_fact(j, "vm_node_stat", "MiB of the %" PRIu64 " at the freeze: %s",
			       m->total >> 20, text);
	if (m->cache[0])
		la_triage_fact(j, "slab_caches", "the largest is %s, with %" PRIu64 " MiB",
			       m->cache, m->cache_bytes >> 20);
	if (m->task.address)
		la_triage_fact(j, "tasks",
			       "most anonymous memory has %s (PID %d), with %" PRIu64 " MiB",
			       m->task.comm, m->task.pid, m->task_bytes >> 20);
}
