import ssl

context = ssl.create_default_context()
print(ssl.OPENSSL_VERSION, context.verify_mode, len(context.get_ciphers()) > 5)
