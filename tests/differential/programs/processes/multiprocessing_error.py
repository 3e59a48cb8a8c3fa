import multiprocessing


def fail(x):
    raise ValueError(x)


if __name__ == "__main__":
    with multiprocessing.Pool(1) as pool:
        try:
            pool.apply(fail, [3])
        except ValueError as error:
            print(error, type(error.__cause__))
    process = multiprocessing.Process(target=fail, args=(4,), name="failing")
    process.start()
    process.join()
    print(process.exitcode)
