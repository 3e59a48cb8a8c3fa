import configparser
import csv
import io
import tomllib

text = io.StringIO()
csv.writer(text).writerows([["a", 'b"', "c,d"], [1, None, 2.5]])
config = configparser.ConfigParser()
config.read_string("[a]\nx = 1\ny = %(x)s2")
print(text.getvalue(), dict(config["a"]), tomllib.loads("a = [1, 2]"))
