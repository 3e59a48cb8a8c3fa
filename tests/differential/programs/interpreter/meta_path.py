import sys

print(sys.meta_path)
print(sys.path_hooks)
