import concurrent.futures


def cube(x):
    return x**3


if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        print(list(executor.map(cube, range(5))))
