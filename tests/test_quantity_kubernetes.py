"""Kubernetes quantities, a row a case; every row was run through the API's own parser."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from oomconf.quantity import INFINITY, SizeError, kubernetes

QUANTITIES = [
    # text, bytes, a fraction of a byte
    *[(text, 0, False) for text in ("0", "-0", "+0", "0Mi", "0.0", ".", "+", "-", "Gi", "Mi", "M", "m", ".Gi", "Ti", "e3", "0Ei", "0Pi")],
    *[(text, 1, False) for text in ("1", "01", "+1", "1.", "1000m", "1.0")],
    *[(text, 1, True) for text in ("500m", "512m", "1m", "1u", "1n", "0.1n", "0.9n", "1e-3", "1e-10", ".5", "0.0000000001")],
    *[(text, 2, True) for text in ("1500m", "1001m", "0.001Ki", "1.0000000001")],
    *[(text, 1000, False) for text in ("1000", "1e3", "1E3", "1e+3", "1k", "1e+0003", "1e4294967299")],
    ("100", 100, False),
    ("1024", 1024, False),
    ("512", 512, False),
    ("1e9", 10**9, False),
    ("1.5e3", 1500, False),
    ("129e6", 129000000, False),
    ("129M", 129000000, False),
    ("123Mi", 128974848, False),
    ("128974848000m", 128974848, False),
    ("1M", 10**6, False),
    ("1G", 10**9, False),
    ("1T", 10**12, False),
    ("1P", 10**15, False),
    ("1.5M", 1500000, False),
    ("1.5G", 1500000000, False),
    (".5G", 500000000, False),
    ("1.G", 10**9, False),
    ("3000M", 3000000000, False),
    ("1.5Gi", 1610612736, False),
    (".5Gi", 536870912, False),
    ("1.1Gi", 1181116007, True),
    ("0.1Gi", 107374183, True),
    ("0.33Gi", 354334802, True),
    ("1.5Ki", 1536, False),
    ("1.1Ki", 1127, True),
    ("0.3Mi", 314573, True),
    ("1048576Ki", 2**30, False),
    ("1025Mi", 1074790400, False),
    ("1Pi", 2**50, False),
    ("1Ei", 2**60, False),
    ("7Ei", 7 * 2**60, False),
    ("8Ei", 2**63 - 1, False),
    ("9223372036854775807Ki", 2**63 - 1, False),
    ("1E", 10**18, False),
    ("9E", 9 * 10**18, False),
    ("1E6", 10**6, False),
    ("9999999999999999999999n", 10**13, False),
    ("-1Gi", -(2**30), False),
    ("-0.5", -1, True),
]

REFUSED = [
    # text, words of the message
    *[
        (text, "suffix")
        for text in ("1K", "1ki", "1mi", "1ii", "1MM", "1nn", "1e", "12e", "1ee3", "1Gi2", "1iK", "1Mie3", "1e+", "1E-", "1Mi+")
    ],
    *[
        (text, "not a Kubernetes quantity")
        for text in ("512MB", "512MiB", "1GB", "1GiB", "512B", "1b", "1kB", "1KB", "1g", "1gi", "1GI", "1t")
    ],
    *[
        (text, "not a Kubernetes quantity")
        for text in ("256 Mi", "1 Gi", " 256Mi", "256Mi ", "1,5Gi", "1_000", "1..2", "1.2.3", "1e3.5", "256Mi.")
    ],
    *[(text, "not a Kubernetes quantity") for text in ("50%", "max", "infinity", "one", "0x10", "", " ", "１Gi", "1Gi\n", "1e3Mi", "∞")],
    *[(text, "no digits") for text in ("Ei", "Pi", "+Ei", ".Pi", "e-10")],
    ("1e9223372036854775808", "suffix"),
]

OVERFLOWS = [
    "10E",
    "9.3E",
    "1000E",
    "1e19",
    "1e20",
    "1e400",
    "1e2147483647",
    "9223372036854775808",
    "12345678901234567890",
    "-9223372036854775808",
]


@pytest.mark.parametrize(("text", "size", "fractional"), QUANTITIES)
def test_a_quantity_is_read(text: str, size: int, fractional: bool) -> None:
    found = kubernetes.quantity(text)
    assert (found.text, found.bytes, found.fractional, found.overflow) == (text, size, fractional, False)


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_a_quantity_is_refused_in_the_apis_own_class(text: str, words: str) -> None:
    with pytest.raises(SizeError, match=words):
        kubernetes.quantity(text)


@pytest.mark.parametrize("text", OVERFLOWS)
def test_an_overflow_is_a_quantity_but_no_size(text: str) -> None:
    assert kubernetes.quantity(text).overflow
    with pytest.raises(SizeError):
        kubernetes.parse(text)


@pytest.mark.parametrize("text", ["-1", "-1Gi", "-1n"])
def test_a_negative_quantity_is_no_size(text: str) -> None:
    with pytest.raises(SizeError, match="negative"):
        kubernetes.parse(text)


def test_a_quantity_is_exact_to_a_billionth() -> None:
    assert kubernetes.quantity("1.1Gi").value == Fraction(11, 10) * 2**30
    assert kubernetes.quantity("0.1n").value == Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1, "1"), (1024, "1Ki"), (1536, "1536"), (2**20, "1Mi"), (1610612736, "1536Mi"), (2**40, "1Ti"), (2**50, "1024Ti")],
)
def test_a_size_is_spelled_in_the_largest_exact_unit(size: int, text: str) -> None:
    assert kubernetes.format(size) == text


@pytest.mark.parametrize("size", [2**63, INFINITY])
def test_what_kubernetes_cannot_say_is_not_spelled(size: int) -> None:
    with pytest.raises(SizeError):
        kubernetes.format(size)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("512MB", "did you mean 512Mi, or 512M in powers of 1000?"),
        ("1K", "did you mean 1Ki, or 1k in powers of 1000?"),
        ("0.5GB", "did you mean 512Mi, or 0.5G in powers of 1000?"),
        ("1GiB", "did you mean 1Gi?"),
    ],
)
def test_a_refusal_shows_the_right_spelling(text: str, hint: str) -> None:
    with pytest.raises(SizeError) as refused:
        kubernetes.parse(text)
    assert refused.value.hint == hint


def test_every_recorded_quantity_is_read_as_the_api_server_read_it(corpus: Path) -> None:
    """Columns: input as JSON, valid, Value(), canonical, text kept, the warning of a fraction, format, class of error."""
    rows = [line.split("\t") for line in (corpus / "k8s/quantity-cases.tsv").read_text("utf-8").splitlines()[1:]]
    assert len(rows) >= 177
    overflows, warned_in_error = 0, []
    for cell, valid, value, _, _, warned, _, error in rows:
        text = json.loads(cell)
        try:
            found, said = kubernetes.quantity(text), ""
        except SizeError as refused:
            found, said = None, refused.message
        if found is None:
            assert (valid, "suffix" in said) == ("0", error == "suffix"), text
            continue
        assert valid == "1", text
        if found.overflow:
            overflows += 1
            assert int(value) != found.bytes, text
        else:
            assert found.bytes == int(value), text
        if found.fractional != (warned == "1"):
            warned_in_error.append(text)
    assert overflows == 9
    # beyond 2**63 thousandths the API's own test for a fraction overflows
    assert warned_in_error == ["1Ei", "7Ei", "12345678901234567890"]
