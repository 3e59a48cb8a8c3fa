import inspect
import sys
import traceback

frame, depth = sys._getframe(), 0
while frame:
    print(frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno, frame.f_globals is globals())
    frame, depth = frame.f_back, depth + 1
print(depth)
print([entry.function for entry in inspect.stack()])
traceback.print_stack()
