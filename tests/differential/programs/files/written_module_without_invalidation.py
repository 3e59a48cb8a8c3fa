open("late.py", "w").write("x = 1")
try:
    import late

    print(late.x)
except ImportError as error:
    print(error)
