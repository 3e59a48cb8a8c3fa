import sys

for name in ("executable", "prefix", "exec_prefix", "base_prefix", "base_exec_prefix", "platlibdir", "platform"):
    print(name, getattr(sys, name))
print(sys.version, sys.version_info, sys.implementation, sys.hexversion, sys.api_version)
print(sys.byteorder, sys.maxsize, sys.maxunicode, sys.float_info, sys.int_info, sys.hash_info, sys.thread_info)
print(sys._git, sys._framework, sys._base_executable, sys._home, sys.copyright)
