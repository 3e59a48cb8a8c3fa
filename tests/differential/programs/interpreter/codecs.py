import codecs

print(codecs.lookup("utf-8"), codecs.lookup("latin1"), codecs.lookup("idna"), codecs.lookup_error("surrogateescape"))
codecs.register(lambda name: codecs.lookup("utf-8") if name == "mine" else None)
print("ü".encode("mine"), "ü".encode("punycode"))
