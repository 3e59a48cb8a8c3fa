"""What control groups are told, where v1 and v2 have other units for it."""

from __future__ import annotations

import pytest

from sandboxd.linux.cgroups.base import quota_us, weight_from_shares
from sandboxd.linux.cgroups.v1 import split_cpu_time


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 100), (262144, 10000), (1, 1), (1 << 30, 10000)])
def test_ends_and_defaults_of_shares_and_weights_coincide(shares, weight):
    assert weight == weight_from_shares(shares)


def test_more_shares_are_never_less_weight():
    weights = [weight_from_shares(shares) for shares in range(2, 262145, 97)]

    assert sorted(weights) == weights


@pytest.mark.parametrize(("cpus", "microseconds"), [(1.0, 100_000), (0.25, 25_000), (2.5, 250_000), (0.001, 1000)])
def test_quota_is_of_a_tenth_of_a_second_and_no_less_than_the_kernel_takes(cpus, microseconds):
    assert microseconds == quota_us(cpus)


@pytest.mark.parametrize("sampled", [(0, 0), (3, 0), (0, 7), (10, 20)])
def test_user_and_system_time_are_exactly_the_total(sampled):
    assert 1_000_003 == sum(split_cpu_time(1_000_003, *sampled))
