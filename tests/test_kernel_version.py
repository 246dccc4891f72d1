"""Kernel releases as uname prints them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.kernel.version import KernelVersion

RELEASES = [
    ("6.1", (6, 1, 0)),
    ("6.12.117", (6, 12, 117)),
    ("5.10.0-32-amd64", (5, 10, 0)),
    ("4.18.0-553.el8_10.x86_64", (4, 18, 0)),
    ("3.10.0-1160.el7.x86_64", (3, 10, 0)),
    ("6.18.44-fc-v657", (6, 18, 44)),
    ("5.15.0+", (5, 15, 0)),
    ("6.12-rc3", (6, 12, 0)),
    ("2.6.32-754.el6.x86_64", (2, 6, 32)),
    ("2.6.32.59", (2, 6, 32)),
    (" 6.8.0-45-generic\n", (6, 8, 0)),
]


@pytest.mark.parametrize(("text", "numbers"), RELEASES)
def test_a_release_is_read_as_far_as_its_three_numbers(text: str, numbers: tuple[int, int, int]) -> None:
    assert KernelVersion.parse(text) == KernelVersion(*numbers)


@pytest.mark.parametrize(
    "text", ["", "6", "six", "6.", ".1", "v6.1", "6.1x", "6.1.2x", "6,1", "6.1 extra", "٦.١", "6.1111", "6." + "1" * 70]
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a kernel version"):
        KernelVersion.parse(text)


def test_six_ten_is_newer_than_six_nine() -> None:
    order = ["2.6.18", "2.6.36", "3.14", "4.9", "4.17", "5.1", "5.9", "5.10", "6.1", "6.9.12", "6.10", "6.18.44"]
    backwards = order[::-1]
    assert sorted(backwards, key=KernelVersion.parse) == order


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 99999))
def test_what_is_printed_reads_back(major: int, minor: int, patch: int) -> None:
    version = KernelVersion(major, minor, patch)
    assert KernelVersion.parse(str(version)) == version


def test_this_machine_has_a_release_that_is_read() -> None:
    release = os.uname().release
    assert release.startswith(str(KernelVersion.parse(release)).removesuffix(".0"))
