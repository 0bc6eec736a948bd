"""For gdb: print the stack of every vCPU, one frame a line, in a form that scripts can compare.

Needs:  a gdb that is connected to QEMU's gdb stub, with the vmlinux loaded.
Result: "CPU N NAME" and below it "#LEVEL PC SYMBOL+OFFSET sp=SP KIND FUNCTION FILE:LINE", KIND being
        frame, inline or signal; "stop: REASON" ends each stack.
"""
import gdb  # the debugger's own module

LIMIT = 64


def symbol(pc):
    """NAME+OFFSET of an address, or a question mark."""
    text = gdb.execute(f"info symbol {pc:#x}", to_string=True)
    if text.startswith("No symbol"):
        return "?"
    words = text.split()
    return f"{words[0]}+{words[2] if len(words) > 2 and words[1] == '+' else 0}"


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
    print(f"CPU {thread.num - 1} {thread.name or ''} {thread.details or ''}".rstrip())
    frame = gdb.newest_frame()
    level = 0
    while frame is not None and level < LIMIT:
        where = frame.pc()
        print(f"#{level} {where:#x} {symbol(where)} sp={register(frame, 'r3')} {kind(frame)} "
              f"{frame.name() or '?'} {place(frame)}")
        level += 1
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
