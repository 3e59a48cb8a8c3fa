# outcome = "NONZERO_EXIT"
def load():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("cannot load") from error


try:
    load()
except ValueError:
    undefined_name
