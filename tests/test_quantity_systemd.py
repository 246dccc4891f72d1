"""systemd's number grammars, a row a case; every expected value was read back from systemd 252."""

from __future__ import annotations

import pytest

from oomconf.quantity import INFINITY, Percent, Size, SizeError, systemd

SIZES = [
    ("1", 1), ("1024", 1024), ("010", 10), ("+1G", 1073741824), ("1B", 1), ("100B", 100), ("1K", 1024), ("1M", 1048576),
    ("512M", 536870912), ("512 M", 536870912), ("512\tM", 536870912), ("1G", 1073741824), ("1.5G", 1610612736), ("1.5 G", 1610612736),
    ("0.5G", 536870912), ("1.G", 1073741824), ("3.6K", 3686), ("3.6M", 3774873), ("3.6 P", 4053239664633446), ("1.0000001G", 1073741931),
    ("1G512M", 1610612736), ("1G 512M", 1610612736), ("1 G 512 M", 1610612736), ("4G 4M 4K", 4299165696), ("12M0.5K", 12583424),
    ("1M5", 1048581), ("1111M 1", 1164967937), ("4P4T4G4M4K4B", 4508001973047300), ("111.4", 111), ("1.9", 1), ("0.1", 0), ("0.0001K", 0),
    ("1T", 1099511627776), ("1P", 1125899906842624), ("1E", 1152921504606846976), ("15E", 17293822569102704640),
    ("16383P", 18445618173802708992), ("18446744073709551614", 18446744073709551614), ("3E 2P", 3461016313634226176),
    ("4T3G3B", 4401267736579), ("0", 0), (" 1", 1), ("1 ", 1), ("1\n", 1), ("18446744073709551615.5K", 18446744073709551104),
    ("18446744073709551615", 2**64 - 1),
]  # fmt: skip

INVALID = [
    "1k", "1b", "1g", "512m", "1gb", "1KB", "1GB", "3.6MB", "1KiB", "1GiB", "1Ki", "1Gi", "1Go", "1Y", "1Z", "12X", "1KK", "1GM",
    "1GK", "1G M",
    ".5G", "1,5G", "1,000", "1_000_000", "1 000", "5 000M", "1e9", "12.5e3", "0x100000", "512M 1G", "1G1G", "3B3.5G", "1B 1K", "0 1",
    "- 1G", "3. 1T", "3. 0 K", "Infinity", "INFINITY", "inf", "max", "unlimited", "none", "-infinity", "1G # c", "1G;", '"1G"', "'1G'",
    "${M}", "%h", "yes", "true", "１G", "1 gigabyte", "101%", "150%", "100.01%", "33.333%", "33.%", ".5%", "50 %", "50%%", "%", "1001‰",
    "10001‱", "1G ", "", " ", "1G\0",
]  # fmt: skip

OUT_OF_RANGE = [
    "-1", "-1G", "3.-1T", "16E", "15.9E", "15.5E", "17E", "16384P", "18446744073709551616", "1.99999999999999999999G", "15E1024P",
]  # fmt: skip


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size_is_read(text: str, size: int) -> None:
    assert systemd.parse_size(text) == size


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("text", INVALID)
def test_a_memory_key_refuses_what_is_invalid(text: str, zero: bool) -> None:
    with pytest.raises(SizeError):
        systemd.parse_memory(text, zero=zero)


@pytest.mark.parametrize("text", OUT_OF_RANGE)
def test_a_memory_key_says_what_is_out_of_range(text: str) -> None:
    with pytest.raises(SizeError, match="out of range"):
        systemd.parse_memory(text, zero=True)


MEMORY = [
    ("infinity", INFINITY),
    ("1G", Size(2**30)),
    ("18446744073709551614", Size(2**64 - 2)),
    ("50%", Percent(5000)),
    ("100%", Percent(10000)),
    ("12.5%", Percent(1250)),
    ("33.33%", Percent(3333)),
    ("0.01%", Percent(1)),
    ("1‱", Percent(1)),
    ("125.5‰", Percent(1255)),
    ("1000‰", Percent(10000)),
    ("10000‱", Percent(10000)),
    ("+5%", Percent(500)),
    ("0x10%", Percent(1600)),
    ("010%", Percent(800)),
    ("0b11%", Percent(300)),
    ("0o17%", Percent(1500)),
]


@pytest.mark.parametrize(("text", "value"), MEMORY)
def test_a_memory_key_takes_infinity_shares_and_sizes(text: str, value: Size | Percent) -> None:
    assert systemd.parse_memory(text, zero=False) == value


ZEROS = ["0", "0%", "-0%", "0‰", "0‱", "0.1", "0.0001K", "0E"]


@pytest.mark.parametrize("text", ZEROS)
def test_zero_is_taken_only_where_the_key_takes_it(text: str) -> None:
    assert systemd.parse_memory(text, zero=True) in (Size(0), Percent(0))
    with pytest.raises(SizeError, match="takes no 0"):
        systemd.parse_memory(text, zero=False)


def test_the_largest_number_is_not_a_second_infinity() -> None:
    with pytest.raises(SizeError, match="out of range"):
        systemd.parse_memory("18446744073709551615", zero=True)


@pytest.mark.parametrize("text", ["60", "", "5", "3.22‰", "1.5‱", "-5%", "-1‱", "1.255%", "08%", "0x%", "99999999999%", "1.+5%", "٣%"])
def test_a_share_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        systemd.parse_permyriad(text)


INTEGERS = [
    ("0", 0), ("-1000", -1000), ("+5", 5), ("0x10", 16), ("0X1f", 31), ("010", 8), ("0b101", 5), ("0B1", 1), ("0o17", 15), ("0O7", 7),
    (" 5", 5),
    ("-0x10", -16), ("-010", -8), ("0b-1", -1), ("0o+7", 7), ("2147483647", 2147483647), ("-2147483648", -2147483648),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), INTEGERS)
def test_an_integer_is_read_with_its_base(text: str, value: int) -> None:
    assert systemd.parse_integer(text) == value


@pytest.mark.parametrize(
    "text", ["", "- 5", "5 ", "5abc", "1e2", "08", "0x", "0b2", "-0b1", "2147483648", "-2147483649", "1.0", "٣", "500K"]
)
def test_an_integer_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        systemd.parse_integer(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, True) for text in ("1", "yes", "YES", "y", "true", "True", "t", "on", "oN")],
        *[(text, False) for text in ("0", "no", "n", "false", "f", "off", "OFF")],
    ],
)
def test_a_boolean_is_read_in_any_case(text: str, value: bool) -> None:
    assert systemd.parse_boolean(text) is value


@pytest.mark.parametrize("text", ["", "enabled", "2", "01", "oui", "yes ", "K", "faſe"])
def test_a_boolean_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        systemd.parse_boolean(text)


SECONDS = [
    ("5", 5_000_000), ("5min 20s", 320_000_000), ("5 20", 25_000_000), ("1m", 60_000_000), ("1M", 2_629_800_000_000), ("200ms", 200_000),
    ("1.5s", 1_500_000), (".5s", 500_000), ("0", 0), ("1us", 1), ("1µs", 1), ("2h30min", 9_000_000_000), ("1y", 31_557_600_000_000),
    ("12.34 .56", 12_900_000), ("infinity", 2**64 - 1), (" infinity ", 2**64 - 1), ("+5", 5_000_000), ("1w", 604_800_000_000),
    ("1day", 86_400_000_000), (" 5 s ", 5_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("text", "microseconds"), SECONDS)
def test_a_time_span_is_read(text: str, microseconds: int) -> None:
    assert systemd.parse_seconds(text) == microseconds


@pytest.mark.parametrize(
    "text", ["", " ", "1ns", "-5", "5 -5", "12.34.56", "3.s", "3.", "1 S", "1MIN", "1mon", "infinity 5", "584542047y", "1e3"]
)
def test_a_time_span_is_refused(text: str) -> None:
    with pytest.raises(SizeError):
        systemd.parse_seconds(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "1"),
        (1023, "1023"),
        (1024, "1K"),
        (1536, "1536"),
        (536870912, "512M"),
        (1610612736, "1536M"),
        (2**40, "1T"),
        (2**50, "1P"),
        (2**60, "1E"),
        (INFINITY, "infinity"),
    ],
)
def test_a_size_is_spelled_in_the_largest_exact_unit(size: int, text: str) -> None:
    assert systemd.format(size) == text


HINTS = [
    ("512MB", "did you mean 512M?"),
    ("512m", "did you mean 512M?"),
    ("1.5GiB", "did you mean 1536M?"),
    ("INFINITY", "did you mean infinity?"),
    ("max", "did you mean infinity?"),
    ("1G # c", "move the comment to a line of its own"),
    ("-1", "write infinity for no limit"),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_a_refusal_shows_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        systemd.parse_memory(text, zero=False)
    assert refused.value.hint == hint
    assert repr(text) in refused.value.message
