# stdin = "where\np x\nnext\ncontinue\n"
x = 3
breakpoint()
y = 4
print("end", y)
