"""The spec's own sizes, a row a case."""

from __future__ import annotations

import pytest

from oomconf.quantity import INFINITY, Percent, Size, SizeError, spec

SIZES = [
    ("0", 0), ("1", 1), ("4096", 4096), ("512.0", 512), ("1K", 1024), ("1Ki", 1024), ("512M", 536870912), ("512Mi", 536870912),
    ("1G", 1073741824), ("1Gi", 1073741824), ("1.5G", 1610612736), ("1.5Gi", 1610612736), ("0.5G", 536870912), ("2T", 2199023255552),
    ("2Ti", 2199023255552), ("1P", 1125899906842624), ("1Pi", 1125899906842624), ("0.25K", 256), ("0.0009765625K", 1),
    ("16310964K", 16702427136), ("8191P", 9222246136947933184), ("9223372036854775807", 2**63 - 1), ("infinity", INFINITY),
]  # fmt: skip

REFUSED = [
    # text, words of the message, hint
    ("512MB", "1000 to some readers", "did you mean 512M?"),
    ("512MiB", "1000 to some readers", "did you mean 512M?"),
    ("0.5GB", "1000 to some readers", "did you mean 512M?"),
    ("1KB", "1000 to some readers", "did you mean 1K?"),
    ("512Mb", "1000 to some readers", "did you mean 512M?"),
    ("512m", "a thousandth to Kubernetes", "did you mean 512M?"),
    ("512mi", "lower-case", "did you mean 512M?"),
    ("0.5g", "lower-case", "did you mean 512M?"),
    ("1k", "lower-case", "did you mean 1K?"),
    ("1 G", "blank", "did you mean 1G?"),
    (" 1G", "blank", "did you mean 1G?"),
    ("1G\n", "blank", "did you mean 1G?"),
    ("1\u00a0G", "blank", "write a size such as 512M, 1.5G or infinity"),
    ("+1G", "sign", "did you mean 1G?"),
    ("-1", "negative", "did you mean infinity?"),
    ("-1G", "negative", "write a size such as 512M, 1.5G or infinity"),
    ("1e9", "exponent", "did you mean 1000000000?"),
    ("1_000", "separator", "did you mean 1000?"),
    ("1,5G", "separator", "did you mean 1.5G?"),
    ("1,000M", "separator", "did you mean 1000M?"),
    ("010M", "octal to the kernel and decimal to systemd", "did you mean 10M?"),
    ("00", "octal", "did you mean 0?"),
    ("0x10", "hexadecimal", "write a size such as 512M, 1.5G or infinity"),
    (".5G", "both sides of the point", "did you mean 512M?"),
    ("5.G", "both sides of the point", "did you mean 5G?"),
    ("1E", "none of the units", "did you mean 1024P?"),
    ("1Z", "none of the units", "write a size such as 512M, 1.5G or infinity"),
    ("1GG", "none of the units", "write a size such as 512M, 1.5G or infinity"),
    ("1B", "none of the units", "did you mean 1?"),
    ("Infinity", "not a size", "did you mean infinity?"),
    ("max", "not a size", "did you mean infinity?"),
    ("unlimited", "not a size", "did you mean infinity?"),
    ("", "empty", "write a size such as 512M, 1.5G or infinity"),
    ("１G", "not a size", "write a size such as 512M, 1.5G or infinity"),
    ("'1G'", "quotes", "did you mean 1G?"),
    ("1.1G", "whole number of bytes", "write 1126Mi, or 1181116006 for the bytes rounded down"),
    ("0.5", "whole number of bytes", "a size without a unit is in bytes; write one such as 512Mi"),
    ("8192P", "more than 9223372036854775807", "write a smaller size, or infinity for no limit"),
    ("9223372036854775808", "more than 9223372036854775807", "write a smaller size, or infinity for no limit"),
    ("70%", "percentage", "write a size such as 4G"),
    ("1" * 65, "65 characters", "leave out what is not the number"),
]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size_is_read(text: str, size: int) -> None:
    assert spec.parse_size(text) == spec.parse(text) == size


@pytest.mark.parametrize(("text", "words", "hint"), REFUSED, ids=[repr(row[0]) for row in REFUSED])
def test_a_size_is_refused_with_the_right_spelling(text: str, words: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        spec.parse_size(text)
    assert words in refused.value.message
    assert refused.value.hint == hint


PERCENTS = [
    ("0%", 0),
    ("70%", 7000),
    ("12.5%", 1250),
    ("12.50%", 1250),
    ("33.33%", 3333),
    ("0.01%", 1),
    ("100%", 10000),
    ("100.00%", 10000),
]


@pytest.mark.parametrize(("text", "permyriad"), PERCENTS)
def test_a_percentage_is_read(text: str, permyriad: int) -> None:
    assert spec.parse(text) == Percent(permyriad)


BAD_PERCENTS = [
    ("101%", "write a share such as 70%, or a size such as 4G"),
    ("100.01%", "write a share such as 70%, or a size such as 4G"),
    ("50 %", "did you mean 50%?"),
    (" 50%", "did you mean 50%?"),
    ("+50%", "did you mean 50%?"),
    ("070%", "did you mean 70%?"),
    ("12,5%", "did you mean 12.5%?"),
    (".5%", "did you mean 0.5%?"),
    ("50.%", "did you mean 50%?"),
    ("12.500%", "did you mean 12.5%?"),
    ("12.345%", "write a percentage such as 70% or 12.5%, with at most two decimals"),
    ("-5%", "write a percentage such as 70% or 12.5%, with at most two decimals"),
    ("%", "write a percentage such as 70% or 12.5%, with at most two decimals"),
    ("50%%", "write a percentage such as 70% or 12.5%, with at most two decimals"),
    ("1G%", "write a percentage such as 70% or 12.5%, with at most two decimals"),
]


@pytest.mark.parametrize(("text", "hint"), BAD_PERCENTS)
def test_a_percentage_is_refused_with_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        spec.parse(text)
    assert refused.value.hint == hint


KUBERNETES = [("0", 0), ("512", 512), ("512Ki", 524288), ("512Mi", 536870912), ("1.5Gi", 1610612736), ("1Ti", 2**40), ("1000000000", 10**9)]


@pytest.mark.parametrize(("text", "size"), KUBERNETES)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str, size: int) -> None:
    assert spec.parse_kubernetes(text) == size


BAD_KUBERNETES = [
    ("512M", "512000000 bytes to Kubernetes", "write 512Mi for 536870912 bytes, or 512000000"),
    ("1.5G", "1500000000 bytes to Kubernetes", "write 1536Mi for 1610612736 bytes, or 1500000000"),
    ("1.1G", "1100000000 bytes to Kubernetes", "write 1126Mi for 1180696576 bytes, or 1100000000"),
    ("1.1K", "refused by Kubernetes", "write 1126 for 1126 bytes, or 1100"),
    ("512k", "512000 bytes to Kubernetes", "write 512Ki for 524288 bytes, or 512000"),
    ("512K", "refused by Kubernetes", "write 512Ki for 524288 bytes, or 512000"),
    ("1T", "1000000000000 bytes to Kubernetes", "write 1Ti for 1099511627776 bytes, or 1000000000000"),
    ("8192P", "more than", "leave the key out for no limit"),
    ("1Pi", "none of the units Ki Mi Gi Ti", "did you mean 1024Ti?"),
    ("512m", "thousandths of a byte", "did you mean 512Mi?"),
    ("512MB", "1000 to some readers", "did you mean 512Mi?"),
    ("512mi", "lower-case", "did you mean 512Mi?"),
    ("infinity", "no word for no limit", "leave the key out for no limit"),
    ("max", "no word for no limit", "leave the key out for no limit"),
    ("50%", "percentage", "write a quantity such as 512Mi or 1.5Gi"),
    ("1.1Gi", "whole number of bytes", "write 1126Mi, or 1181116006 for the bytes rounded down"),
    ("0512Mi", "octal", "did you mean 512Mi?"),
    ("", "empty", "write a quantity such as 512Mi or 1.5Gi"),
]


@pytest.mark.parametrize(("text", "words", "hint"), BAD_KUBERNETES, ids=[repr(row[0]) for row in BAD_KUBERNETES])
def test_a_quantity_with_two_readings_is_refused(text: str, words: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        spec.parse_kubernetes(text)
    assert words in refused.value.message
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "1"),
        (999, "999"),
        (1024, "1K"),
        (512, "512"),
        (1536, "1536"),
        (536870912, "512M"),
        (1610612736, "1.5G"),
        (2**40, "1T"),
        (2**63 - 1, "9223372036854775807"),
        (16702427136, "16310964K"),
        (Size(3 * 2**19), "1.5M"),
        (INFINITY, "infinity"),
    ],
)
def test_a_size_is_spelled_as_short_as_exact(size: int, text: str) -> None:
    assert spec.format(size) == text
