import locale

print(locale.setlocale(locale.LC_ALL), locale.getlocale(), locale.getpreferredencoding(), locale.getencoding())
print([locale.setlocale(getattr(locale, name)) for name in ("LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE")])
print(locale.localeconv()["decimal_point"], locale.nl_langinfo(locale.CODESET))
print(locale.setlocale(locale.LC_ALL, ""))
