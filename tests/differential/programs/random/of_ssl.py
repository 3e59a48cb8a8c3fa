# fresh = true
import ssl

print(ssl.RAND_bytes(16), ssl.RAND_status())
