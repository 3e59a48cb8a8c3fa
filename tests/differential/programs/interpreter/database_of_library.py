# Its journal is there until it is closed, which an interpreter does that lets go of it.
# collect = ["of_module", "of_module-wal", "of_class", "of_class-wal"]
import os
import sqlite3


def opened(name):
    database = sqlite3.connect(name)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("CREATE TABLE words (word)")
    database.commit()
    return database


os.database = opened("of_module")
os._Environ.database = opened("of_class")
print(sorted(name for name in os.listdir() if name.endswith("-wal")))
