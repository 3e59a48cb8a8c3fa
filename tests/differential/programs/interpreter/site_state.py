import site

print(site.ENABLE_USER_SITE, site.USER_SITE, site.USER_BASE, site.PREFIXES, site.check_enableusersite())
print(site.getsitepackages(), site.getusersitepackages())
