# fresh = true
import os
import hashlib

print(hashlib.scrypt(b"password", salt=os.urandom(8), n=2, r=1, p=1).hex())
