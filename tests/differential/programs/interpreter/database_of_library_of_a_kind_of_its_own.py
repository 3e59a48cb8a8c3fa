# collect = ["file", "file-wal"]
import os
import sqlite3


class Database(sqlite3.Connection):
    pass


os.database = sqlite3.connect("file", factory=Database)
os.database.execute("PRAGMA journal_mode = wal")
os.database.execute("CREATE TABLE words (word)")
os.database.commit()
del Database
print(os.path.exists("file-wal"))
