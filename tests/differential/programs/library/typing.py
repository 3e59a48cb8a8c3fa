import typing


class Named(typing.NamedTuple):
    a: int
    b: "Named | None" = None


print(Named(1), typing.get_type_hints(Named), typing.Optional[int], typing.get_type_hints(Named, globals()))
