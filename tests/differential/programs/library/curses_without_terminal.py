import curses

try:
    curses.setupterm()
except curses.error as error:
    print(error)
