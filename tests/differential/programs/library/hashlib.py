import hashlib
import hmac

for name in sorted(hashlib.algorithms_guaranteed):
    value = hashlib.new(name, b"text")
    print(name, value.hexdigest(16) if name.startswith("shake") else value.hexdigest())
print(hmac.new(b"key", b"text", "sha256").hexdigest())
