# stdin_bytes = 500000
print("I do not care")
