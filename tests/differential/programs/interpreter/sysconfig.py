import sysconfig

for name, path in sysconfig.get_paths().items():
    print(name, path)
print(sysconfig.get_platform(), sysconfig.get_python_version())
