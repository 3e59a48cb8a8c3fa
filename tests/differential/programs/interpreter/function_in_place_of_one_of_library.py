# It says of itself that it is of the library.
# collect = ["file", "file-wal"]
import functools
import os
import sqlite3

database = sqlite3.connect("file")
database.execute("PRAGMA journal_mode = wal")
database.execute("CREATE TABLE words (word)")
database.commit()


@functools.wraps(os.path.join)
def join(*parts):
    database.execute("INSERT INTO words VALUES (?)", parts)
    return "/".join(parts)


os.path.join = join
print(os.path.join("word"), join.__module__)
