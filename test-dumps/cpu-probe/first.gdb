# The first cpucfg of cpu_probe() reads the model (LOONGARCH_CPUCFG0, c->processor_id).
python
import re
code = gdb.execute("disassemble cpu_probe", to_string=True)
found = re.search(r"cpucfg\s+\$(\w+),.*\n\s+(0x[0-9a-f]+)", code)
names = {**{f"a{i}": f"r{4 + i}" for i in range(8)}, **{f"t{i}": f"r{12 + i}" for i in range(9)},
         **{f"s{i}": f"r{23 + i}" for i in range(9)}}
register = names.get(found.group(1), found.group(1))
gdb.execute(f"hbreak *{found.group(2)}")
gdb.execute("continue")
gdb.execute(f"set ${register} = 0")
print("DONE")
end
