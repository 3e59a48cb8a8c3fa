"""Which status an error becomes: every class that can reach a client has one."""

from __future__ import annotations

import pytest
from google.rpc import code_pb2

from sandboxd import errors
from sandboxd.api.errors import STATUS, to_status
from sandboxd.images.oci import registry_errors
from sandboxd.images.oci.registry_errors import RegistryError


def test_every_error_of_ours_has_a_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SandboxError)}

    assert kinds - {errors.SandboxError} == set(STATUS)


@pytest.mark.parametrize("name", set(registry_errors.__all__) - {"RegistryError"})
def test_what_a_registry_does_is_told(name: str) -> None:
    kind: type[RegistryError] = getattr(registry_errors, name)

    status = to_status(kind("registry.example/image", "what it said"))

    assert status.message == "registry.example/image: what it said"
    if kind.transient:
        assert status.code == code_pb2.UNAVAILABLE
    else:
        wanted = code_pb2.NOT_FOUND if name == "NotInRegistry" else code_pb2.FAILED_PRECONDITION
        assert status.code == wanted
