import multiprocessing


def work(connection):
    connection.send(connection.recv()[::-1])


if __name__ == "__main__":
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=work, args=(theirs,))
    process.start()
    ours.send([1, 2, 3])
    print(ours.recv())
    process.join()
