import builtins

print(sorted(vars(builtins)))
print(builtins.__spec__, builtins.__import__, builtins.open)
