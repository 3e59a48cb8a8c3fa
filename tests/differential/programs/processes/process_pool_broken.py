import concurrent.futures
import os

if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        try:
            executor.submit(os._exit, 3).result()
        except concurrent.futures.process.BrokenProcessPool as error:
            print(error)
