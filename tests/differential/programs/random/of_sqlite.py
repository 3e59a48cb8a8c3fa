# fresh = true
import sqlite3

print(sqlite3.connect(":memory:").execute("select random(), hex(randomblob(8))").fetchone())
