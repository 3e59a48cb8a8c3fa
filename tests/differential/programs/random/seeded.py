import random

random.seed(42)
print(random.random(), random.sample(range(1000), 5), random.Random("text").random())
