from __future__ import annotations


def function(a: Unknown) -> Other: ...


print(function.__annotations__, annotations)
