def shape(value):
    match value:
        case {"kind": "circle", "r": float(r)}:
            return f"circle {r}"
        case [x, y, *rest] if rest:
            return f"list {x} {y} {rest}"
        case str() | bytes():
            return "text"
        case _:
            return "other"


print(shape({"kind": "circle", "r": 1.0}), shape([1, 2, 3]), shape(b""), shape(3))
