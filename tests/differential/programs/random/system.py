# fresh = true
import os
import secrets

print(os.urandom(16), secrets.token_hex(), secrets.randbelow(10**30), os.getrandom(8))
