"""What the kernel reads: cgroup v2 memory files and /proc/sys, a row a case."""

from __future__ import annotations

import pytest

from oomconf.quantity import INFINITY, Size, SizeError, memparse, sysctl

CGROUP = [
    ("0", 0), ("512M", 536870912), ("512m", 536870912), ("4095", 0), ("4096", 4096), ("5000", 4096), ("8000000", 7999488),
    ("010M", 8388608),
    ("0x10M", 16777216), ("0X1000", 4096), ("0x1E", 0), ("0x1000E", 0x1000E // 4096 * 4096), ("1k", 0), ("4K", 4096), ("1G", 2**30),
    ("1t", 2**40),
    ("1P", 2**50), ("1e", 2**60), ("7E", 7 * 2**60), (" 512M\n", 536870912), ("max", INFINITY), ("max\n", INFINITY),
    ("0777k", 511 * 1024 // 4096 * 4096),
    ("9223372036854775807", INFINITY), ("9223372036854771712", INFINITY), ("9223372036854771711", 9223372036854767616),
    ("8E", INFINITY), ("18446744073709551615", INFINITY),
]  # fmt: skip

BAD_CGROUP = ["1.5G", "100MB", "100MiB", "1 G", "1e9", "50%", "-1", "infinity", "MAX", "08", "0x", "0xG", "+5", "1KK", "1_000", "'1G'", "٣"]


@pytest.mark.parametrize(("text", "size"), CGROUP)
def test_a_cgroup_file_takes(text: str, size: int) -> None:
    assert memparse.parse(text) == size


@pytest.mark.parametrize("text", BAD_CGROUP)
def test_a_cgroup_file_refuses(text: str) -> None:
    with pytest.raises(SizeError, match="EINVAL"):
        memparse.parse(text)


@pytest.mark.parametrize("text", ["", "\n", " ", "M", "k"])
def test_a_text_without_digits_is_refused_as_the_limit_0_that_it_is(text: str) -> None:
    with pytest.raises(SizeError, match="limit 0"):
        memparse.parse(text)


@pytest.mark.parametrize("text", ["16E", "18446744073709551616", "0xfffffffffffffffffG"])
def test_what_the_kernel_cuts_to_64_bits_is_refused(text: str) -> None:
    with pytest.raises(SizeError, match="64 bits"):
        memparse.parse(text)


@pytest.mark.parametrize(("page_size", "size"), [(4096, 7999488), (16384, 7995392), (65536, 7995392)])
def test_a_limit_is_rounded_down_to_the_hosts_page(page_size: int, size: int) -> None:
    assert memparse.parse("8000000", page_size=page_size) == size


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (536870912, "536870912"), (INFINITY, "max"), (2**63, "9223372036854775808")])
def test_a_limit_is_spelled_in_plain_bytes(size: int, text: str) -> None:
    assert memparse.format(size) == text


@pytest.mark.parametrize(
    ("text", "hint"), [("512MB", "did you mean 536870912?"), ("infinity", "did you mean max?"), ("-1", "did you mean max?")]
)
def test_a_refusal_shows_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        memparse.parse(text)
    assert refused.value.hint == hint


INTEGERS = [
    ("0", 0), ("70", 70), ("0x46", 70), ("0106", 70), ("-1", -1), ("-0x10", -16), ("  70", 70), ("70\n", 70), ("70 # c", 70),
    ("70\t80", 70),
    ("2147483647", 2**31 - 1), ("-2147483648", -(2**31)), ("00000000000000000070", 56), ("-0", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), INTEGERS)
def test_a_sysctl_integer_is_read(text: str, value: int) -> None:
    assert sysctl.parse_int(text) == value


BAD_INTEGERS = [
    "",
    " ",
    "70# c",
    "1K",
    '"70"',
    "+5",
    "08",
    "0x",
    "1e3",
    "2147483648",
    "-2147483649",
    "- 1",
    "--1",
    "70\r",
    "0" * 21,
    "yes",
    "٣",
    "-",
]


@pytest.mark.parametrize("text", BAD_INTEGERS)
def test_a_sysctl_integer_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        sysctl.parse_int(text)


def test_a_long_has_no_sign_and_64_bits() -> None:
    assert sysctl.parse_ulong("18446744073709551615") == 2**64 - 1
    for text in ("18446744073709551616", "-1", "-0"):
        with pytest.raises(SizeError):
            sysctl.parse_ulong(text)


@pytest.mark.parametrize(
    ("text", "values"), [("256\t256\t32\t0\t0", (256, 256, 32, 0, 0)), (" 1  0x2 \n", (1, 2)), ("7", (7,)), ("1\n2", (1, 2))]
)
def test_a_sysctl_list_is_read(text: str, values: tuple[int, ...]) -> None:
    assert sysctl.parse_list(text) == values


@pytest.mark.parametrize("text", ["", " ", "1,2", "1 x", "1 2K", "1 2147483648", "1 " * 5000])
def test_a_sysctl_list_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        sysctl.parse_list(text)


def test_kilobytes_and_pages_are_1024_bytes_and_the_hosts_page() -> None:
    assert sysctl.kib_to_size(8192) == Size(8 * 2**20)
    assert sysctl.size_to_kib(8 * 2**20 + 1023) == 8192
    assert sysctl.pages_to_size(3, 16384) == 49152
    assert sysctl.size_to_pages(49151, 16384) == 2
    assert sysctl.format_int(-1) == "-1"
    for convert in (sysctl.size_to_kib, sysctl.size_to_pages):
        with pytest.raises(SizeError):
            convert(INFINITY)
