for y in range(-12, 13):
    line = ""
    for x in range(-40, 20):
        z, c, n = 0, complex(x / 20, y / 10), 0
        while abs(z) < 2 and n < 9:
            z, n = z * z + c, n + 1
        line += " .:-=+*#%@"[n]
    print(line)
