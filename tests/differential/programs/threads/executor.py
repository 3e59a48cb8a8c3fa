import concurrent.futures

with concurrent.futures.ThreadPoolExecutor(4) as executor:
    print(list(executor.map(lambda x: x * x, range(10))))
