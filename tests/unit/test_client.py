"""What the client makes of an answer without a server."""

from __future__ import annotations

import pytest

from sandboxd.client.client import short_name
from sandboxd.v1 import execution_service_pb2 as pb


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (pb.VERDICT_OK, pb.Verdict, "OK"),
        (pb.PHASE_RUN, pb.Phase, "RUN"),
        (pb.FAULT_DOMAIN_PLATFORM, pb.FaultDomain, "PLATFORM"),
        (99, pb.Verdict, "VERDICT_99"),
    ],
)
def test_names_of_values_and_a_number_for_what_a_newer_server_knows(value, kind, name):
    assert name == short_name(value, kind)
