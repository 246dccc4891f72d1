"""Laws of sizes: what a grammar spells it reads back, order is kept, a hint is always right, and no text does harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oomconf.quantity import (
    INFINITY,
    Percent,
    Size,
    SizeError,
    docker,
    dotnet,
    floor_to_page,
    golang,
    jvm,
    kubernetes,
    memparse,
    spec,
    sysctl,
    systemd,
)

TOP = 2**63 - 1


class Grammar(NamedTuple):
    name: str
    parse: Callable[[str], object]
    format: Callable[[int], str]
    endless: bool


def memory_key(text: str) -> Size | Percent:
    return systemd.parse_memory(text, zero=True)


def exact_bytes(text: str) -> Size:
    return memparse.parse(text, page_size=1)


GRAMMARS = [
    Grammar("spec", spec.parse, spec.format, True),
    Grammar("spec size", spec.parse_size, spec.format, True),
    Grammar("spec kubernetes", spec.parse_kubernetes, kubernetes.format, False),
    Grammar("systemd size", systemd.parse_size, systemd.format, False),
    Grammar("systemd memory", memory_key, systemd.format, True),
    Grammar("docker", docker.parse, docker.format, False),
    Grammar("docker swap", docker.parse_swap, docker.format_swap, True),
    Grammar("kubernetes", kubernetes.parse, kubernetes.format, False),
    Grammar("memparse", exact_bytes, memparse.format, True),
    Grammar("jvm", jvm.parse, jvm.format, False),
    Grammar("go", golang.parse, golang.format, True),
    Grammar("dotnet", dotnet.parse, dotnet.format, False),
]
each = pytest.mark.parametrize("grammar", GRAMMARS, ids=[grammar.name for grammar in GRAMMARS])

# sizes that people write, those around every power of two, and any other
SIZES = st.one_of(
    st.builds(lambda count, power: min(count << power, TOP - 1), st.integers(0, 4096), st.sampled_from([0, 10, 20, 29, 30, 40, 50, 52])),
    st.builds(lambda power, more: max(0, min((1 << power) + more, TOP - 1)), st.integers(0, 63), st.integers(-2, 2)),
    st.integers(0, TOP - 1),
)
NEARLY = st.lists(
    st.sampled_from(
        [*"0123456789", *"kKmMgGtTpPeEbBiI", "B", "iB", ".", ",", "_", "+", "-", " ", "\n", "%", "‰", "0x", "1e", "infinity", "max", "１"]
    ),
    max_size=9,
).map("".join)


def spelled(grammar: Grammar, size: int) -> str | None:
    """Spell a size; None for what Docker's float64 cannot hold, which its grammar refuses to spell."""
    if grammar.format in (docker.format, docker.format_swap) and size < INFINITY and size % 2**20 and float(size) != size:
        with pytest.raises(SizeError):
            grammar.format(size)
        return None
    return grammar.format(size)


@each
@given(size=SIZES)
@example(size=0)
@example(size=TOP - 1)
def test_what_is_spelled_is_read_back_exactly(grammar: Grammar, size: int) -> None:
    text = spelled(grammar, size)
    assert text is None or grammar.parse(text) == size


@given(size=SIZES)
def test_the_largest_number_of_63_bits_is_read_back_too(size: int) -> None:
    for grammar in GRAMMARS:
        if grammar.name not in ("memparse", "docker", "docker swap"):  # the kernel calls it max, and Docker's float64 rounds it up
            assert grammar.parse(grammar.format(TOP)) == TOP
    assert exact_bytes(memparse.format(TOP)) == INFINITY
    assert systemd.parse_memory(systemd.format(Size(TOP + size)), zero=True) == TOP + size


@pytest.mark.parametrize("grammar", [grammar for grammar in GRAMMARS if grammar.endless], ids=lambda grammar: grammar.name)
def test_no_limit_is_read_back(grammar: Grammar) -> None:
    assert grammar.parse(grammar.format(INFINITY)) == INFINITY


@each
@given(small=SIZES, large=SIZES)
def test_order_is_kept(grammar: Grammar, small: int, large: int) -> None:
    small, large = sorted((small, large))
    one, other = spelled(grammar, small), spelled(grammar, large)
    if one is not None and other is not None:
        first, second = grammar.parse(one), grammar.parse(other)
        assert isinstance(first, Size)
        assert isinstance(second, Size)
        assert (first < second) == (small < large)
        assert not grammar.endless or second < INFINITY


@given(size=SIZES, page=st.sampled_from([4096, 16384, 65536]))
def test_the_kernel_rounds_down_to_the_page(size: int, page: int) -> None:
    found = memparse.parse(memparse.format(size), page_size=page)
    assert found == (INFINITY if size >= TOP // page * page else floor_to_page(size, page))


@given(permyriad=st.integers(0, 10_000))
def test_a_share_is_read_back_by_the_spec_and_by_systemd(permyriad: int) -> None:
    share = Percent(permyriad)
    assert spec.parse(str(share)) == share
    assert systemd.parse_memory(str(share), zero=True) == share


@each
@given(text=NEARLY)
@example(text="512MB")
@example(text="-1")
@example(text="1,5G")
def test_a_hint_names_a_spelling_that_the_grammar_takes(grammar: Grammar, text: str) -> None:
    try:
        found = grammar.parse(text)
    except SizeError as refused:
        said, hint = refused.message, refused.hint
    else:
        assert isinstance(found, Percent) or (isinstance(found, Size) and 0 <= found <= INFINITY)
        return
    assert said
    assert hint
    assert not said.endswith(".")
    assert "\n" not in said + hint
    if guess := re.fullmatch(r"did you mean (.+)\?", hint):
        for spelling in guess[1].removesuffix(" in powers of 1000").split(", or "):
            assert spelling != text
            grammar.parse(spelling)


READERS: list[Callable[[str], object]] = [
    *[grammar.parse for grammar in GRAMMARS],
    *[systemd.parse_integer, systemd.parse_boolean, systemd.parse_permyriad, systemd.parse_seconds],
    *[docker.parse_int, kubernetes.quantity, sysctl.parse_int, sysctl.parse_ulong, sysctl.parse_list, dotnet.parse_percent],
]


@given(text=st.text(max_size=80) | NEARLY)
@example(text="1e9999999999999999999")
@example(text="\x00")
@example(text="\ud800")
def test_no_text_makes_a_parser_fail_but_with_a_size_error(text: str) -> None:
    for read in READERS:
        try:
            read(text)
        except SizeError as refused:
            assert refused.message  # noqa: PT017 - most texts are refused, some are not


@pytest.mark.parametrize(
    "text", ["1" * 10**6, "1_" * 10**6, " " * 10**6, "1G" * 10**6, "0" * 10**6 + "x", "1." + "0" * 10**6 + "!", "-" * 10**6]
)
def test_a_long_text_is_refused_and_not_quoted_whole(text: str) -> None:
    for read in READERS:
        with pytest.raises(SizeError) as refused:
            read(text)
        assert len(refused.value.message) < 200


@given(size=SIZES)
def test_the_specs_spelling_is_the_shortest(size: int) -> None:
    text = spec.format(size)
    for power, letter in enumerate("KMGTP", 1):
        for places in range(11):
            scaled, rest = divmod(size * 10**places, 1024**power)
            if rest == 0 and size:
                digits = str(scaled).rjust(places + 1, "0")
                other = f"{digits[:-places]}.{digits[-places:]}" if places else digits
                assert len(text) <= len(other + letter)
                assert spec.parse(other + letter) == size


@given(value=st.integers(-(2**31), 2**31 - 1))
def test_an_integer_means_the_same_to_all_in_decimal(value: int) -> None:
    text = sysctl.format_int(value)
    assert sysctl.parse_int(text) == systemd.parse_integer(text) == docker.parse_int(text) == value


@given(values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=9))
def test_a_sysctl_list_is_read_back(values: list[int]) -> None:
    assert sysctl.parse_list("\t".join(map(sysctl.format_int, values))) == tuple(values)
