// SPDX-License-Identifier: GPL-3.0-or-later
// lapanic where vmlinux and dump do not belong together: crash's symbols are then of another kernel than the memory.
// What the core finds without crash is what ladump -p prints.
#include "crash.h"
#include "glue.h"

#include "lakvm/base/jump.h"
#include "lakvm/door/elf_door.h"
#include "lakvm/regs/text.h"
#include "lakvm/report/report.h"

static struct {
	struct la_elf_door *vmlinux;      /* NULL: not open */
	struct la_report_options options; /* the report refers to them */
	struct la_report report;
} here;

struct question {
	struct la_arena *arena;
	struct la_error *err;
	bool answered;
};

static void ask(void *question)
{
	struct question *q = question;
	enum la_status status;
	sigset_t before;

	la_hold(&before);
	status = la_elf_door_open(&here.vmlinux, pc->namelist, reader_dump(), q->arena, q->err);
	la_release(&before);
	q->answered = status == LA_OK && la_report_make(reader_dump(), here.vmlinux, &here.options,
							q->arena, &here.report, q->err) == LA_OK;
}

/* The report and the file hold memory of their own; libdw must not be left halfway. */
void misfit_close(void)
{
	sigset_t before;

	la_hold(&before);
	la_report_close(&here.report);
	here.report = (struct la_report){ .kernel = NULL };
	la_elf_door_close(here.vmlinux);
	here.vmlinux = NULL;
	la_release(&before);
}

bool misfit_panic(struct la_arena *arena, const struct la_regs_text *text, struct la_panic *ret,
		  struct la_error *err)
{
	struct question q = { .arena = arena, .err = err };
	const struct la_door *door = door_open(err);

	if (!door)
		return false;
	misfit_close();
	here.options = (struct la_report_options){
		.text = text->vcpu,
		.ntext = text->n,
		.text_remark = text->remark,
		.said = *door->overrides,
		.panic = true,
		.lines = true,
	};
	if (!guard_run(ask, &q)) {
		misfit_close();
		guard_leave();
	}
	*ret = here.report.panic;
	return q.answered;
}
