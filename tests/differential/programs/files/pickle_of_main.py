import pickle


class Thing:
    def __init__(self, x):
        self.x = x


def function():
    pass


data = pickle.dumps([Thing(1), function, Thing])
print(data, pickle.loads(data)[0].x, pickle.loads(data)[1] is function, Thing.__module__)
