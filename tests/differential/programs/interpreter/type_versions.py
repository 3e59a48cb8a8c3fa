class A:
    x = 1


class B(A):
    pass


print(B.x, B().x)
A.x = 2
print(B.x, B().x, B.__mro__, A.__subclasses__())
