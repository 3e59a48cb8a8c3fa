import os


class Loud:
    deleted = 0

    def __del__(self):
        Loud.deleted += 1
        print("deleted", Loud.deleted)


os.path.join.loud = Loud()
os.environ.loud = Loud()
print("end")
