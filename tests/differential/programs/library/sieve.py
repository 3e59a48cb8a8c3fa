sieve = bytearray([1]) * 200_000
for i in range(2, 448):
    if sieve[i]:
        sieve[i * i :: i] = bytes(len(range(i * i, 200_000, i)))
print(sum(sieve) - 2)
