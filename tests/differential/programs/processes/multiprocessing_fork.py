import multiprocessing


def work(queue, n):
    queue.put((n, multiprocessing.current_process().name, multiprocessing.parent_process().name))


context = multiprocessing.get_context("fork")
queue = context.Queue()
processes = [context.Process(target=work, args=(queue, n)) for n in range(3)]
[process.start() for process in processes]
print(sorted(queue.get() for _ in processes))
[process.join() for process in processes]
print([process.exitcode for process in processes], multiprocessing.get_start_method())
