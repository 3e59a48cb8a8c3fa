import fractions
import math
import statistics

print(
    sum([0.1] * 10),
    math.fsum([0.1] * 10),
    math.pi,
    fractions.Fraction(0.1),
    statistics.stdev([1, 2, 3, 4]),
    round(2.5),
    7 // -2,
)
print(2**1000 % 1_000_007, pow(3, -1, 7), int("1" * 4000) % 97, divmod(-7, 3))
