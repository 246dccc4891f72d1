"""Docker's sizes and integers, a row a case; every row was read back from `docker create`."""

from __future__ import annotations

import pytest

from oomconf.quantity import INFINITY, SizeError, docker

SIZES = [
    *[(text, 0) for text in ("0", "-0", "0b", "0.", "-0m", "0.0")],
    *[(text, 32) for text in ("32", "32b", "32B", "32.3", "32 b")],
    *[(text, 32768) for text in ("32k", "32K", "32kb", "32Kb", "32KB", "32kib", "32KiB", "32KIB")],
    *[(text, 33554432) for text in ("32m", "32M", "32mb", "32MB", "32MiB")],
    *[(text, 1073741824) for text in ("1g", "1G", "1gb", "1GB", "1GiB", "1 g", "1 GB", "+1g", "1.g")],
    *[(text, 1099511627776) for text in ("1t", "1TB")],
    *[(text, 1125899906842624) for text in ("1p", "1PiB")],
    *[(text, 536870912) for text in ("0.5g", ".5g", "512 MiB", "512mB", "512M")],
    *[(text, 1610612736) for text in ("1.5g", "1.5GiB")],
    ("0.1m", 104857),
    ("32.3 mb", 33869004),
    ("5.g", 5368709120),
    ("1 ", 1),
    ("4096kb", 4194304),
    ("8191p", 9222246136947933184),
    ("1e3", 1000),
    ("1_000", 1000),
    ("1e9", 1000000000),
    ("1e3m", 1048576000),
    ("1e-400", 0),
    ("010m", 10485760),
    ("9007199254740993", 9007199254740992),
]

REFUSED = [
    *["512Mi", "1Gi", "1gi", "1ki", "32Mi", "1e", "1E", "1EiB", "512bm", "512bb", "512mm", "12kk", "12 ib", "50%", "1  g", " 1g", "1g "],
    *[
        "512 m b",
        "1,5g",
        "1/2g",
        "0x10",
        "-1",
        "-1m",
        "-32",
        "",
        "m",
        "hello",
        "inf",
        "max",
        "infinity",
        "unlimited",
        "１g",
        "1__0",
        "_1",
        "1_",
    ],
    *["8192p", "9223372036854775807", "inf b", "nan m", "0x1p20", "1e400", "1e19", "-1e-3", "1\t", "1g\n"],
]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size_is_read(text: str, size: int) -> None:
    assert docker.parse(text) == size


@pytest.mark.parametrize("text", REFUSED)
def test_a_size_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        docker.parse(text)


@pytest.mark.parametrize("text", ["8192p", "9223372036854775807", "1e400"])
def test_what_docker_would_overflow_is_said_to(text: str) -> None:
    with pytest.raises(SizeError, match="overflows"):
        docker.parse(text)


@pytest.mark.parametrize("text", ["inf b", "nan m", "0x1p20", "-infinity", "NaN"])
def test_numbers_of_go_alone_are_said_to_be_that(text: str) -> None:
    with pytest.raises(SizeError, match="to Go alone"):
        docker.parse(text)


HINTS = [
    ("512Mi", "did you mean 512m?"),
    ("1.5Gi", "did you mean 1536m?"),
    ("1,5g", "did you mean 1536m?"),
    ("-1", "leave it out for no limit"),
    ("-5g", "did you mean 5g?"),
    ("1Gi", "did you mean 1g?"),
    ("max", "leave it out for no limit"),
    ("50%", "write a size such as 512m or 2g"),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_a_refusal_shows_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        docker.parse(text)
    assert refused.value.hint == hint


def test_swap_takes_exactly_minus_one_for_no_limit() -> None:
    assert docker.parse_swap("-1") == INFINITY
    assert docker.parse_swap("1g") == 2**30
    for text in ("-2", "-1m", "-1 ", "-01", "-1.0"):
        with pytest.raises(SizeError):
            docker.parse_swap(text)


INTEGERS = [
    ("0", 0), ("-500", -500), ("+5", 5), ("0x10", 16), ("010", 8), ("0o10", 8), ("0O10", 8), ("0b11", 3), ("1_000", 1000), ("0_7", 7),
    ("0x_1F", 31), ("-0x10", -16), ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), INTEGERS)
def test_an_integer_is_read_with_its_base(text: str, value: int) -> None:
    assert docker.parse_int(text) == value


@pytest.mark.parametrize(
    "text", ["1e2", "0.5", " 5", "5 ", "", "-", "08", "0x", "0b2", "1__0", "_1", "1_", "- 5", "9223372036854775808", "٣"]
)
def test_an_integer_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        docker.parse_int(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1, "1"), (2**20, "1m"), (2**30, "1024m"), (1610612736, "1536m"), (524288, "524288"), (2**20 + 4096, "1052672")],
)
def test_a_size_is_spelled_in_mebibytes_or_bytes(size: int, text: str) -> None:
    assert docker.format(size) == docker.format_swap(size) == text


def test_no_limit_is_a_word_of_swap_alone() -> None:
    assert docker.format_swap(INFINITY) == "-1"
    with pytest.raises(SizeError, match="no limit"):
        docker.format(INFINITY)


@pytest.mark.parametrize("size", [2**53 + 1, 2**63 - 1, 2**63])
def test_what_a_float64_cannot_hold_is_not_spelled(size: int) -> None:
    with pytest.raises(SizeError):
        docker.format(size)
