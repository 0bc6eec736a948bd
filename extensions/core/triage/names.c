// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts and confidences as text, JSON and signatures name them.
#include "lakvm/triage/panic.h"

const char *la_confidence_name(enum la_confidence c)
{
	static const char *const names[] = { "unknown", "likely", "certain" };

	return (size_t)c < sizeof(names) / sizeof(names[0]) ? names[c] : "unknown";
}

const char *la_verdict_name(enum la_verdict v)
{
	static const char *const names[] = {
		[LA_VERDICT_UNKNOWN] = "unknown",
		[LA_VERDICT_PANIC] = "panic",
		[LA_VERDICT_OOPS] = "oops",
		[LA_VERDICT_RUNNING] = "running",
		[LA_VERDICT_SOFT_LOCKUP] = "soft-lockup",
		[LA_VERDICT_FIRMWARE] = "firmware",
		[LA_VERDICT_RCU_STALL] = "rcu-stall",
		[LA_VERDICT_HUNG_TASK] = "hung-task",
		[LA_VERDICT_STACK_OVERFLOW] = "stack-overflow",
		[LA_VERDICT_SPINLOCK] = "spinlock",
		[LA_VERDICT_DIE_DEADLOCK] = "die-deadlock",
		[LA_VERDICT_DEADLOCK] = "deadlock",
		[LA_VERDICT_HARD_LOCKUP] = "hard-lockup",
		[LA_VERDICT_VCPU] = "vcpu",
		[LA_VERDICT_LOST_IPI] = "lost-ipi",
		[LA_VERDICT_WORKQUEUE] = "workqueue-lockup",
		[LA_VERDICT_BOOTING] = "booting",
		[LA_VERDICT_HALTED] = "halted",
	};

	return (size_t)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}
