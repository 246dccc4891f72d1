"""Sizes in the options and variables of the JVM, Go and .NET, a row a case."""

from __future__ import annotations

import pytest

from oomconf.quantity import INFINITY, SizeError, dotnet, golang, jvm

JVM = [
    ("512m", 536870912), ("512M", 536870912), ("524288k", 536870912), ("1g", 2**30), ("1T", 2**40), ("0x200m", 536870912), ("0X10K", 16384),
    ("536870912", 536870912), ("010m", 10485760), ("512", 512), ("0", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "size"), JVM)
def test_the_jvm_reads(text: str, size: int) -> None:
    assert jvm.parse(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "0.5g", "512mb", "512MiB", " 512m", "512 m", "1e9", "50%", "-1", "+1", "0x", "1p", "m", "18446744073709551616", "16777216t"],
)
def test_the_jvm_refuses(text: str) -> None:
    with pytest.raises(SizeError):
        jvm.parse(text)


GO = [
    ("512", 512), ("512B", 512), ("1KiB", 1024), ("512MiB", 536870912), ("2GiB", 2**31), ("1TiB", 2**40), ("007", 7), ("0", 0), ("-0", 0),
    ("9223372036854775807", 2**63 - 1), ("off", INFINITY), ("", INFINITY),
]  # fmt: skip


@pytest.mark.parametrize(("text", "size"), GO)
def test_go_reads(text: str, size: int) -> None:
    assert golang.parse(text) == size


BAD_GO = ["512M", "512m", "512MB", "512Mi", "1G", "0.5GiB", "1 GiB", "1gib", "1e9", "50%", "1PiB", "-1", "OFF", "+5", " 1B", "B", "MiB"]


@pytest.mark.parametrize("text", [*BAD_GO, "9223372036854775808", "8589934592GiB", "8388608TiB"])
def test_go_refuses(text: str) -> None:
    with pytest.raises(SizeError):
        golang.parse(text)


DOTNET = [
    ("0xC800000", 209715200),
    ("C800000", 209715200),
    ("0Xc800000", 209715200),
    ("200", 512),
    ("0", 0),
    ("7fffffffffffffff", 2**63 - 1),
]


@pytest.mark.parametrize(("text", "size"), DOTNET)
def test_dotnet_reads_hexadecimal(text: str, size: int) -> None:
    assert dotnet.parse(text) == size


@pytest.mark.parametrize("text", ["", "0x", "200MB", "200m", "-1", "1.5", "0x8000000000000000", "1" * 17, " 200"])
def test_dotnet_refuses(text: str) -> None:
    with pytest.raises(SizeError):
        dotnet.parse(text)


def test_a_dotnet_percentage_is_hexadecimal_too() -> None:
    assert dotnet.parse_percent("0x4B") == dotnet.parse_percent("4b") == 75
    assert dotnet.format_percent(75) == "0x4B"
    for text in ("75", "65", "75%", ""):
        with pytest.raises(SizeError):
            dotnet.parse_percent(text)


FORMATS = [
    (0, "0", "0B", "0x0"),
    (1000, "1000", "1000B", "0x3E8"),
    (1024, "1k", "1024B", "0x400"),
    (2**20, "1m", "1MiB", "0x100000"),
    (209715200, "200m", "200MiB", "0xC800000"),
    (2**30, "1024m", "1024MiB", "0x40000000"),
]


@pytest.mark.parametrize(("size", "java", "go", "net"), FORMATS)
def test_a_size_is_spelled_for_each(size: int, java: str, go: str, net: str) -> None:
    assert (jvm.format(size), golang.format(size), dotnet.format(size)) == (java, go, net)


def test_no_limit_is_a_word_of_go_alone() -> None:
    assert golang.format(INFINITY) == "off"
    for grammar in (jvm, dotnet):
        with pytest.raises(SizeError, match="no limit"):
            grammar.format(INFINITY)


HINTS = [
    (jvm.parse, "512MB", "did you mean 512m?"),
    (jvm.parse, "0.5g", "did you mean 512m?"),
    (golang.parse, "512M", "did you mean 512MiB?"),
    (golang.parse, "unlimited", "did you mean off?"),
    (dotnet.parse, "200MB", "did you mean 0xC800000?"),
    (dotnet.parse_percent, "75", "did you mean 0x4B?"),
]


@pytest.mark.parametrize(("parse", "text", "hint"), HINTS, ids=[f"{row[0].__module__}-{row[1]}" for row in HINTS])
def test_a_refusal_shows_the_right_spelling(parse: object, text: str, hint: str) -> None:
    assert callable(parse)
    with pytest.raises(SizeError) as refused:
        parse(text)
    assert refused.value.hint == hint
