"""For gdb, after gdb_stacks.py, which leaves a vCPU selected that sees kernel addresses: print what the kernel knows of
its memory.

Needs:  $LAKVM_FRAMES: "PAGE-SIZE END PFN...", END being where RAM ends, all but the size hexadecimal.
Result: "MEMORY", then "BITS N" (a memory section has 1 << N bytes), "SECTION NUMBER MAP", "ZONE NODE NAME PFN SPANNED",
        and of each PFN that is in a section "FRAME PFN PAGE FLAGS HEAD REFCOUNT MAPCOUNT": PAGE and HEAD are addresses
        of struct pages, HEAD that of the first one of a compound page, 0 for others, REFCOUNT of a tail page its
        head's, MAPCOUNT the word itself.
"""
import os

import gdb  # the debugger's own module


def value(expression):
    return int(gdb.parse_and_eval(expression))


def sections(page_size):
    """{number: section_mem_map} of the present ones."""
    table, highest = gdb.parse_and_eval("mem_section"), value("__highest_present_section_nr")
    per_root, found = page_size // value("sizeof(struct mem_section)"), {}
    for number in range(highest + 1):
        root = table[number // per_root]
        if int(root):
            mem_map = int(root[number % per_root]["section_mem_map"])
            if mem_map & 1:
                found[number] = mem_map
    return found


def section_bits(end, highest):
    """The size with which the last byte of RAM lies in the last section there is."""
    return next(bits for bits in range(64) if (end - 1) >> bits == highest)


def nodes():
    try:
        for node in range(value("sizeof(node_data) / sizeof(node_data[0])")):
            if value(f"node_data[{node}]"):
                yield node, gdb.parse_and_eval(f"*node_data[{node}]")
    except gdb.error:
        yield 0, gdb.parse_and_eval("contig_page_data")     # a kernel without NUMA


def number(member):
    """An atomic_t, or the flags of 6.18 and later, are structures of one number."""
    while member.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        member = member[member.type.strip_typedefs().fields()[0]]
    return int(member)


def head_of(page, address):
    if number(page["flags"]) >> value("(int)PG_head") & 1:
        return address
    try:
        word = int(page["compound_info"])
    except gdb.error:                           # before 7.1
        word = int(page["compound_head"])
    return word & ~1 if word & 1 else 0


def show_frame(pfn, mem_map):
    """sparse_encode_mem_map(), mm/sparse.c: the array's address less the section's first pfn; flags are below."""
    kind = gdb.lookup_type("struct page")
    address = (mem_map & ~0xfff) + pfn * kind.sizeof

    def page_at(where):
        page = gdb.Value(where).cast(kind.pointer()).dereference()
        page.fetch_lazy()
        return page

    page = page_at(address)
    head = head_of(page, address)
    counted = page_at(head) if head else page
    print(f"FRAME {pfn:x} {address:x} {number(page['flags']):x} {head:x} {number(counted['_refcount'])} "
          f"{number(page['_mapcount'])}")


def main():
    page_size, end, *frames = os.environ["LAKVM_FRAMES"].split()
    print("MEMORY")
    found = sections(int(page_size)) if value("mem_section") else {}
    if not found:
        return                  # the guest has died before
    bits = section_bits(int(end, 16), max(found))
    print(f"BITS {bits}")
    for nr, mem_map in found.items():
        print(f"SECTION {nr} {mem_map:x}")
    for node, data in nodes():
        for index in range(int(data["nr_zones"])):
            zone = data["node_zones"][index]
            print(f"ZONE {node} {zone['name'].string()} {int(zone['zone_start_pfn']):x} {int(zone['spanned_pages']):x}")
    for pfn in sorted({int(frame, 16) for frame in frames}):
        mem_map = found.get(pfn * int(page_size) >> bits)
        if mem_map:
            show_frame(pfn, mem_map)


main()
