import random

random.seed(1)
words = [random.choice("abc") * random.randrange(5) for _ in range(20)]
print(sorted(words, key=len), sorted(words, reverse=True)[:5], min(words), sorted(set(words)))
