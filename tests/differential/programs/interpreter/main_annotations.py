import __main__

x: int = 1
y: "str"
print(__annotations__, __main__.__annotations__ is __annotations__)
