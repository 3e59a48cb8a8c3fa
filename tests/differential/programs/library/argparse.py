# outcome = "NONZERO_EXIT"
import argparse

parser = argparse.ArgumentParser(description="Says hello.")
parser.add_argument("name", type=int, help="a number")
parser.print_help()
parser.parse_args()
