# args = ["3", "--flag"]
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("number", type=int)
parser.add_argument("--flag", action="store_true")
print(parser.parse_args(), parser.prog)
