# outcome = "NONZERO_EXIT"
class Mine(Exception):
    pass


class Outer:
    class Inner(Mine):
        pass


raise Outer.Inner("qualified")
