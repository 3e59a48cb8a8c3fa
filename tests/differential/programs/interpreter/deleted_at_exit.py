class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("deleted", self.name)


one = Loud("one")
two = Loud("two")
two.self = two
_three = Loud("three")
