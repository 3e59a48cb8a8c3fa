"""Whether what an error names is in the contract."""

from __future__ import annotations

import re

from google.protobuf.descriptor import Descriptor

# A name, an index or a map's key, and what is below. A key may be any text, dots, quotes and newlines too.
_STEP = re.compile(r"(?P<name>[a-z_]+)(?:\[(?P<place>[0-9]+|\".*\")\])?(?:\.(?P<below>.+))?", re.DOTALL)
WHOLE = "request"
"""What is named where no field is to blame: the bytes are no message, or the first message of a stream is missing."""


def has(kind: Descriptor, path: str) -> bool:
    """Whether a path such as ``files[3].path`` leads to a field of a message, or to one of its oneofs."""
    if path == WHOLE or path in kind.oneofs_by_name:
        return True
    step = _STEP.fullmatch(path)
    field = kind.fields_by_name.get(step["name"]) if step else None
    if step is None or field is None:
        return False
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if step["place"] is not None and not (is_map or (field.is_repeated and step["place"].isdigit())):
        return False
    if step["below"] is None:
        return True
    return field.message_type is not None and not is_map and has(field.message_type, step["below"])
