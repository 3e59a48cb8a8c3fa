print(exit, quit, repr(copyright)[:20], repr(credits)[:20], repr(license)[:20], help)
print(type(exit), type(help), exit.eof)
