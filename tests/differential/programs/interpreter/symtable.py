import symtable

table = symtable.symtable("def f(a): global b; return a + c", "x", "exec")
print([(s.get_name(), s.is_global()) for s in table.get_children()[0].get_symbols()], table.get_identifiers())
