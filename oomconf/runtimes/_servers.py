"""Caches that servers are told on their command lines: Redis, PostgreSQL, memcached, MariaDB, MongoDB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from oomconf.quantity import INFINITY, Size
from oomconf.runtimes._heaps import GIB, MIB
from oomconf.runtimes._hint import Hint, is_unresolved

__all__ = ["server_hints"]


def _hint(knob: str, text: str, value: str, size: Size | str) -> Hint:
    if is_unresolved(value):
        return Hint(kind="other", knob=knob, text=text)
    if isinstance(size, str):
        return Hint(kind="other", knob=knob, text=text, fault=size)
    return Hint(kind="other", knob=knob, text=text, heap=size)


_REDIS: Final = re.compile(r"(?P<digits>[0-9]{1,19})(?P<unit>b|kb?|mb?|gb?)?", re.IGNORECASE)
_REDIS_UNITS: Final = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}


def _redis(value: str) -> Size | str:
    # as memtoull() in util.c reads it
    found = _REDIS.fullmatch(value)
    if found is None:
        return f"'{value}' is no size to Redis, which does not start"
    size = int(found["digits"]) * _REDIS_UNITS[(found["unit"] or "").lower()]
    return Size(min(size, INFINITY))


_POSTGRES: Final = re.compile(
    r"\s*(?P<sign>[-+]?)(?P<number>0[xX][0-9a-fA-F]{1,16}|(?=\.?[0-9])[0-9]{0,19}(?:\.[0-9]{0,19})?(?:[eE][-+]?[0-9]{1,2})?)\s*(?P<unit>B|kB|MB|GB|TB)?\s*"
)
_BLOCK: Final = 8192
_POSTGRES_UNITS: Final = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_FEWEST_BLOCKS, _MOST_BLOCKS = 16, 2**30 - 1


def _postgres(value: str) -> Size | str:
    # misc/guc.c: parse_int(), convert_to_base_unit(); a bare number counts blocks of 8 kB, a leading zero is octal
    refused = f"'{value}' is no shared_buffers to PostgreSQL, which does not start"
    found = _POSTGRES.fullmatch(value)
    if found is None:
        return refused
    number, unit = found["number"], found["unit"]
    if number[:2] in ("0x", "0X"):
        amount = Fraction(int(number, 16))
    elif number.isdigit():
        if len(number) > 1 and number[0] == "0" and re.search("[89]", number):
            return refused
        amount = Fraction(int(number, 8 if number[0] == "0" and len(number) > 1 else 10))
    else:
        amount = Fraction(number)
    scaled = amount * _POSTGRES_UNITS.get(unit or "", _BLOCK)
    if unit in ("kB", "MB", "GB", "TB"):
        # what is no whole number of the unit is rounded to the next smaller one
        step = _POSTGRES_UNITS[unit] // 1024
        scaled = Fraction(round(scaled / step) * step)
    blocks = round(scaled / _BLOCK)
    if found["sign"] == "-" or not _FEWEST_BLOCKS <= blocks <= _MOST_BLOCKS:
        return f"'{value}' is not between 128 kB and 8 TB, and PostgreSQL does not start"
    return Size(blocks * _BLOCK)


_MARIADB_UNITS: Final = " kmgtpe"


def _mariadb(value: str) -> Size | str:
    # only the first letter behind the number counts
    found = re.fullmatch(r"(?P<digits>[0-9]{1,19})(?P<unit>[kmgtpeKMGTPE]?).*", value, re.DOTALL)
    if found is None or (not found["unit"] and found["digits"] != value):
        return f"'{value}' is no size to MariaDB, which does not start"
    return Size(min(int(found["digits"]) << 10 * _MARIADB_UNITS.index(found["unit"].lower() or " "), INFINITY))


def _mongo(value: str) -> Size | str:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) is None:
        return f"'{value}' is no number of GB to MongoDB, which does not start"
    return Size(int(Fraction(value) * GIB))


def _memcached(value: str) -> Hint:
    # memcached.c reads it by atoi(): what follows the digits is dropped
    found = re.match("[0-9]{1,12}", value)
    heap = None if found is None else Size(int(found[0]) * MIB)
    fault = None
    if not is_unresolved(value) and (found is None or value[found.end() :].lower() not in ("", "m", "mb", "mib")):
        fault = f"'{value}' is read by memcached as {0 if found is None else found[0]} MiB"
    return Hint(kind="other", knob="memcached -m", text=f"-m {value}", heap=None if is_unresolved(value) else heap, fault=fault)


_SHARED: Final = re.compile(r"(?:-c|--)?(?P<name>shared[-_]buffers)\s*=(?P<value>.*)", re.IGNORECASE | re.DOTALL)
_POOL: Final = re.compile(r"--(?:loose[-_])?innodb[-_]buffer[-_]pool[-_]size(?:=(?P<value>.*))?", re.DOTALL)
_CACHE: Final = re.compile(r"--wiredTigerCacheSizeGB(?:=(?P<value>.*))?", re.DOTALL)
_MEMCACHED: Final = re.compile(r"-m(?P<value>[0-9].*)?|--memory-limit(?:=(?P<long>.*))?", re.DOTALL)


def server_hints(words: Sequence[str], program: str | None) -> list[Hint]:
    """Read the flags of servers; `-m` and `-B`, which mean other things to others, only where the program is known."""
    found: list[Hint] = []
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        before = words[position - 1] if position else ""
        name, _, rest = word.partition(" ")
        if name.lower() == "--maxmemory":
            value = rest.strip() or following
            size = _redis(value)
            # 0 is Redis's default, no limit
            found += [_hint("maxmemory", f"--maxmemory {value}", value, size)] if size != 0 else []
        elif (shared := _SHARED.fullmatch(word)) is not None and (word.startswith("-") or before == "-c"):
            found.append(_hint("shared_buffers", word, shared["value"], _postgres(shared["value"])))
        elif program == "postgres" and word == "-B":
            found.append(_hint("shared_buffers", f"-B {following}", following, _postgres(following)))
        elif (pool := _POOL.fullmatch(word)) is not None:
            value = following if pool["value"] is None else pool["value"]
            found.append(_hint("innodb_buffer_pool_size", f"--innodb-buffer-pool-size={value}", value, _mariadb(value)))
        elif (cache := _CACHE.fullmatch(word)) is not None:
            value = following if cache["value"] is None else cache["value"]
            found.append(_hint("wiredTigerCacheSizeGB", f"--wiredTigerCacheSizeGB {value}", value, _mongo(value)))
        elif program == "memcached" and (limit := _MEMCACHED.fullmatch(word)) is not None:
            found.append(_memcached(limit["value"] or limit["long"] or following))
    return found
