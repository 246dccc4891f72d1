"""Sizes in bytes and shares of something, and one module for each grammar that writes them."""

from __future__ import annotations

from typing import Final

__all__ = ["INFINITY", "PAGE_SIZE", "Percent", "Size", "SizeError", "floor_to_page", "human", "roughly", "share", "total"]

PAGE_SIZE: Final = 4096


class Size(int):
    """A whole number of bytes from 0 to 2**64 - 2, or INFINITY.

    INFINITY is the largest of all, so `min`, `max` and comparisons need no special case; sums do: use `total`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "INFINITY" if self == INFINITY else f"Size({int(self)})"

    def __str__(self) -> str:
        return human(self)

    def __format__(self, spec: str) -> str:
        return format(human(self), spec) if spec == "" or spec[-1] == "s" else format(int(self), spec)


INFINITY: Final = Size(2**64 - 1)
"""No limit: systemd `infinity`, cgroup v2 `max`."""


class Percent:
    """A share in hundredths of a percent, 0 to 10000; of what is decided by the field it stands in."""

    __slots__ = ("permyriad",)

    def __init__(self, permyriad: int) -> None:
        if not 0 <= permyriad <= 10_000:  # noqa: PLR2004
            raise SizeError(f"{permyriad / 100:g}% is not between 0% and 100%")
        self.permyriad: int = permyriad

    def of(self, whole: int, page_size: int = PAGE_SIZE) -> Size:
        """Floor to the page as systemd does (percent-util.c, physical_memory_scale): floor(floor(whole/page) * share) * page."""
        return Size(whole // page_size * self.permyriad // 10_000 * page_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Percent) and other.permyriad == self.permyriad

    def __hash__(self) -> int:
        return hash(("Percent", self.permyriad))

    def __repr__(self) -> str:
        return f"Percent({self.permyriad})"

    def __str__(self) -> str:
        whole, rest = divmod(self.permyriad, 100)
        return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%" if rest else f"{whole}%"


class SizeError(ValueError):
    """A text that the grammar refuses; `hint` says how to write what was probably meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message: str = message
        self.hint: str = hint


def floor_to_page(size: int, page_size: int = PAGE_SIZE) -> Size:
    """Round down to a whole page as the kernel does with what is written to memory.* (mm/page_counter.c: page_counter_memparse)."""
    return INFINITY if size >= INFINITY else Size(size // page_size * page_size)


def total(sizes: list[Size] | tuple[Size, ...]) -> Size:
    """Add sizes; one INFINITY makes the sum INFINITY."""
    return INFINITY if INFINITY in sizes else Size(min(sum(sizes), INFINITY))


_UNITS: Final = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


def human(size: int) -> str:
    """Write a size exactly, in the largest binary unit that leaves at most two decimals, as `7G`, `1.5G`, `700M` or `16310964K`."""
    if size >= INFINITY:
        return "infinity"
    for unit, letter in _UNITS:
        if size >= unit and size * 100 % unit == 0:
            whole, rest = divmod(size * 100 // unit, 100)
            return f"{whole}.{rest:02d}".rstrip("0") + letter if rest else f"{whole}{letter}"
    return str(int(size))


def share(part: int, whole: int) -> str:
    """Write a share for reading, in percent to the nearest: `39%`, `<1%` where that would be none of something; `0%` of nothing."""
    rounded = 0 if whole <= 0 else (part * 200 + whole) // (whole * 2)
    return "<1%" if rounded == 0 and part > 0 and whole > 0 else f"{rounded}%"


def roughly(size: int) -> str:
    """Write a size for reading, in three digits or so: `987K`, `12.4M`, `1.25G`; a negative one with its sign. For values use `human`."""
    if size < 0:
        return f"-{roughly(-size)}"
    if size >= INFINITY:
        return "infinity"
    for unit, letter in _UNITS:
        if size * 2048 >= unit * 2047:  # never 1024 of the unit below
            digits = 0 if size >= 100 * unit else 1 if size >= 10 * unit else 2
            text = f"{size / unit:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + letter
    return f"{size}B" if size else "0"
