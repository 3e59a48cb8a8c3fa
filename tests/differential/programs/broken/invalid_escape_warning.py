x = "\d\w"
print(x, "\8")
