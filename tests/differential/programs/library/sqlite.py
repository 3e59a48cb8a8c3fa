import sqlite3

connection = sqlite3.connect("data.db")
connection.execute("create table t (a integer primary key, b text)")
connection.executemany("insert into t (b) values (?)", [("one",), ("two",)])
connection.commit()
print(connection.execute("select * from t order by b desc").fetchall(), sqlite3.sqlite_version)
