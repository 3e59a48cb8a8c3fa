import copy

a = [1, [2, 3]]
a.append(a)
b = copy.deepcopy(a)
print(b, b[2] is b, b[1] is a[1])
