"""For gdb: print the stack of every vCPU and of every task that does not run, one frame a line, in a form
that scripts can compare.

Needs:  a gdb that is connected to QEMU's gdb stub, with the vmlinux loaded; $LAKVM_REGISTERS, the path of
        `info registers -a` of the same instant.
Result: "CPU N" and below it "#LEVEL PC SYMBOL+OFFSET sp=SP KIND FUNCTION FILE:LINE", KIND being
        frame, inline or signal; "stop: REASON" ends each stack. On the first instruction of an exception
        vector the only frame of kind vector comes first, then the stack of what was interrupted: gdb takes
        the vector for a function that was called, QEMU's ERA or TLBRERA says where the CPU came from.
        Then the same with "TASK ADDRESS PID COMM" for each task that is on no CPU. For those, a vCPU that is in
        the kernel is lent the registers that the switch away from the task has saved.
"""
import os
import re

import gdb  # the debugger's own module

LIMIT = 64


def symbol(pc, back):
    """NAME+OFFSET of an address, or a question mark; back is 1 for a return address: the call before it
    tells the function, for what follows a call that does not return is the next function."""
    words = gdb.execute(f"info symbol {pc - back:#x}", to_string=True).split()
    if words[0] == "No":
        return "?"
    offset = int(words[2]) if len(words) > 2 and words[1] == "+" else 0
    return f"{words[0]}+{offset + back}"


def register(frame, name):
    try:
        return f"{int(frame.read_register(name)) & 0xffffffffffffffff:#x}"
    except (gdb.error, ValueError):
        return "?"


def kind(frame):
    names = {gdb.INLINE_FRAME: "inline", gdb.SIGTRAMP_FRAME: "signal"}
    return names.get(frame.type(), "frame")


def place(frame):
    line = frame.find_sal()
    return f"{line.symtab.filename}:{line.line}" if line.symtab else "?"


def csrs():
    """[{name: value}] of each vCPU, in QEMU's order."""
    with open(os.environ["LAKVM_REGISTERS"], encoding="utf-8") as file:
        parts = re.split(r"^CPU#\d+", file.read(), flags=re.M)
    return [{name: int(value, 16) for name, value in re.findall(r"\b(ERA|TLBRERA|CRMD|EENTRY) +([0-9a-f]+)", part)}
            for part in parts[1:] or parts]


def came_from(pc, csr):
    """Where the CPU was, if it is on the first instruction of an exception vector and has saved nothing yet."""
    if csr.get("CRMD", 0) & 8:          # direct address mode: a TLB refill, pc is physical
        return csr["TLBRERA"] & ~3
    if pc % 0x200 == 0 and 0 <= pc - csr.get("EENTRY", 0) < 128 * 0x200:
        return csr["ERA"]
    return None


def show(thread, csr):
    thread.switch()
    print(f"CPU {thread.num - 1}")
    frame = gdb.newest_frame()
    pc, era = frame.pc(), came_from(frame.pc(), csr)
    if era is None:
        walk(frame, 0)
        return
    print(f"#0 {pc:#x} {symbol(pc, 0)} sp={register(frame, 'r3')} vector ? ?")
    gdb.execute(f"set $pc = {era:#x}")
    walk(gdb.newest_frame(), 1)
    gdb.execute(f"set $pc = {pc:#x}")


def walk(frame, level):
    back = 0
    while frame is not None and level < LIMIT:
        where = frame.pc()
        print(f"#{level} {where:#x} {symbol(where, back)} sp={register(frame, 'r3')} {kind(frame)} "
              f"{frame.name() or '?'} {place(frame)}")
        level += 1
        if frame.type() != gdb.INLINE_FRAME:
            back = 0 if frame.type() == gdb.SIGTRAMP_FRAME else 1
        try:
            older = frame.older()
        except gdb.error as problem:
            print(f"stop: {problem}")
            return
        if older is None:
            print(f"stop: {gdb.frame_stop_reason_string(frame.unwind_stop_reason())}")
        frame = older


def listed(head, owner, member):
    """The structures of type @owner whose list_head @member is on the list of @head."""
    offset = gdb.parse_and_eval(f"(unsigned long)&((struct {owner} *)0)->{member}")
    node = head["next"]
    while node != head.address:
        yield gdb.parse_and_eval(f"(struct {owner} *){int(node) - int(offset):#x}")
        node = node["next"]


def every_task():
    """All threads of all processes, and the idle tasks of the CPUs, which are on no list."""
    init = gdb.parse_and_eval("&init_task")
    for cpu in range(int(gdb.parse_and_eval("nr_cpu_ids"))):
        yield gdb.parse_and_eval(f"((struct rq *)((char *)&runqueues + __per_cpu_offset[{cpu}]))->idle")
    for process in listed(init["tasks"], "task_struct", "tasks"):
        yield from listed(process["signal"]["thread_head"], "task_struct", "thread_node")


SAVED = [1, 3] + list(range(22, 32))    # struct thread_struct, asm/processor.h: ra, sp, fp, s0 to s8


def show_tasks(thread):
    thread.switch()
    own = {f"r{number}": register(gdb.newest_frame(), f"r{number}") for number in SAVED}
    own["pc"] = register(gdb.newest_frame(), "pc")
    for task in list(every_task()):
        if int(task["on_cpu"]):
            continue
        saved = {f"r{number}": hex(int(task["thread"][f"reg{number:02}"])) for number in SAVED}
        for name, value in {**saved, "pc": saved["r1"]}.items():
            gdb.execute(f"set ${name} = {value}")
        print(f"TASK {int(task):#x} {int(task['pid'])} {task['comm'].string()}")
        walk(gdb.newest_frame(), 0)
        print()
    for name, value in own.items():
        gdb.execute(f"set ${name} = {value}")


known = csrs()
vcpus = sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num)
for one in vcpus:
    show(one, known[one.num - 1])
    print()
# a vCPU in user mode, or in direct address mode, does not see kernel addresses
lendable = [one for one in vcpus if known[one.num - 1]["CRMD"] & 0xb == 0]
if lendable:
    show_tasks(lendable[0])
