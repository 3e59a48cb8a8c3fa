# outcome = "NONZERO_EXIT"
class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


raise Mute
