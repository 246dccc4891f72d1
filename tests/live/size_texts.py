"""Texts of sizes for the consumers' own parsers: mostly right, often at the edge, sometimes wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from oomconf.quantity import SizeError

ROUNDS = 3000


def read(parse: Callable[[str], Any], text: str) -> Any:
    """Give what a parser of ours reads, None where it refuses."""
    try:
        return parse(text)
    except SizeError:
        return None


def texts(make: Callable[[random.Random], str], count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    made = (make(chance) for _ in range(count))
    return list(dict.fromkeys(text for text in made if len(text) <= 64 and "\0" not in text))


# ── generators that know the grammar: mostly right, often at the edge, sometimes wrong ──────────────────────────────────────


def a_size(chance: random.Random) -> str:
    parts = []
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3])):
        parts += [
            chance.choice(["", "", "", " ", "\t", "  "]),
            chance.choice(["", "", "", "", "+", "-"]),
            chance.choice(
                [
                    "0",
                    "1",
                    "5",
                    "010",
                    "15",
                    "512",
                    "16383",
                    "16384",
                    "1024",
                    str(2**64 - 1),
                    str(chance.getrandbits(chance.randint(1, 65))),
                ]
            ),
            chance.choice(["", "", "", ".", f".{chance.getrandbits(chance.randint(1, 70))}", ".5", ".0", ". 1", ".-1"]),
            chance.choice(["", "", "", " ", "\n"]),
            chance.choice(["", "K", "M", "G", "T", "P", "E", "B", "k", "KB", "GiB", "%", "x", "e3"]),
        ]
    return "".join(parts)


def an_integer(chance: random.Random) -> str:
    return "".join(
        [
            chance.choice(["", "", " ", "\t"]),
            chance.choice(["", "", "+", "-", "- "]),
            chance.choice(["", "", "0x", "0X", "0", "0b", "0B", "0o", "0O"]),
            chance.choice(["", "", "", "+", "-", " ", "_"]),
            chance.choice(
                ["0", "1", "7", "8", "10", "11", "77", "ff", "1_0", "2147483647", "2147483648", "4294967297", "99999999999999999999"]
            ),
            chance.choice(["", "", "", " ", "z", ".5"]),
        ]
    )


def a_share(chance: random.Random) -> str:
    return an_integer(chance) + chance.choice(["", "", "", ".5", ".25", ".255", "."]) + chance.choice(["%", "%", "‰", "‱", "%%", ""])


def a_span(chance: random.Random) -> str:
    units = ["", "", "s", "sec", "seconds", "min", "m", "M", "ms", "us", "µs", "μs", "ns", "h", "d", "w", "month", "y", "mon", "infinity"]
    parts = [chance.choice(["", " "])]
    for _ in range(chance.choice([1, 1, 2, 3])):
        parts += [
            chance.choice(["", "", "+", "-"]),
            chance.choice(
                ["0", "1", "5", "90", "007", "", str(2**63 - 1), str(2**63), "584542046090", str(chance.getrandbits(chance.randint(1, 64)))]
            ),
            chance.choice(["", "", ".5", ".", f".{chance.getrandbits(40)}", ".-1"]),
            chance.choice(["", "", " ", "\t"]),
            chance.choice(units),
            chance.choice(["", " "]),
        ]
    return "".join(parts)


def a_boolean(chance: random.Random) -> str:
    word = chance.choice(
        ["yes", "y", "true", "t", "on", "1", "no", "n", "false", "f", "off", "0", "2", "01", "", "enabled", " yes", "yes "]
    )
    return "".join(chance.choice([letter.lower(), letter.upper()]) for letter in word)


def a_docker_size(chance: random.Random) -> str:
    return "".join(
        [
            chance.choice(["", "", "", "", "", "+", "+", "-", " "]),
            chance.choice(["", "0", "1", "512", "010", "1_0", "1__0", *(str(chance.getrandbits(chance.randint(1, 50))) for _ in range(6))]),
            chance.choice(["", "", "", ".", ".5", f".{chance.getrandbits(30)}", "e3", "e-3", "E+2", ",5"]),
            chance.choice(["", "", "", "", " ", "  "]),
            chance.choice(["", "", "b", "B", "k", "K", "m", "M", "g", "Kb", "mB", "GiB", "tib", "p", "Mi", "e", "bb", "mm", "%"]),
        ]
    )


def a_quantity(chance: random.Random) -> str:
    return "".join(
        [
            chance.choice(["", "", "", "+", "-"]),
            chance.choice(["", "0", "1", "5", "007", "512", "1000", "1024", str(chance.getrandbits(chance.randint(1, 75)))]),
            chance.choice(["", "", "", ".", ".5", ".25", ".000", f".{chance.getrandbits(chance.randint(1, 60))}"]),
            chance.choice(
                ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "n", "u", "m", "k", "M", "G", "T", "P", "E", "e3", "E-3", "e+12", "e-12", "e40"]
            ),
            chance.choice(["", "", "", "", "", "B", " ", "i", "K", "+", "0"]),
        ]
    )
