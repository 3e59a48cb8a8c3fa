import decimal

print(decimal.getcontext(), decimal.Decimal(1) / 3)
decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt())
