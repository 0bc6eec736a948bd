"""For gdb: print the stack of every vCPU, one frame a line, in a form that scripts can compare.

Needs:  a gdb that is connected to QEMU's gdb stub, with the vmlinux loaded.
Result: "CPU N" and below it "#LEVEL PC SYMBOL+OFFSET sp=SP KIND FUNCTION FILE:LINE", KIND being
        frame, inline or signal; "stop: REASON" ends each stack.
"""
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


def show(thread):
    thread.switch()
    print(f"CPU {thread.num - 1}")
    frame = gdb.newest_frame()
    level = back = 0
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


for one in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
    show(one)
    print()
