"""Units whose files are strewn over the load path, with good, bad and empty values, for tests that ask systemd what it makes of them."""

from __future__ import annotations

from random import Random
from typing import Final

__all__ = ["FOLDERS", "VALUES", "host", "lines"]

FOLDERS: Final = (
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
)
NAMES: Final = ("10-a.conf", "50-MemoryMax.conf", "60-oomconf.conf", "9-z.conf", "override.conf", "A.conf", "x.txt")
SIZES: Final = ("64M", "1G", "infinity", "0", "", "2GB", "1.5G", "12%", "7", "1 G", "-1", "1G # x")
VALUES: Final = {
    "MemoryMin": SIZES, "MemoryLow": SIZES, "MemoryHigh": SIZES, "MemoryMax": SIZES, "MemorySwapMax": SIZES,
    "OOMScoreAdjust": ("-500", "0x10", "010", "1001", "", "x", "7"),
    "OOMPolicy": ("kill", "stop", "continue", "Kill", ""),
    "Restart": ("always", "on-failure", "never", ""),
    "ManagedOOMSwap": ("kill", "auto", "yes", ""),
    "ManagedOOMMemoryPressure": ("kill", "auto", ""),
    "ManagedOOMMemoryPressureLimit": ("60%", "60", "12.5%", ""),
    "ManagedOOMPreference": ("avoid", "omit", "none", "never", ""),
    "Slice": ("web.slice", "a-b.slice", "web", ""),
}  # fmt: skip
OF_SLICES: Final = tuple(key for key in VALUES if key not in ("OOMScoreAdjust", "OOMPolicy", "Restart", "Slice"))


def lines(random: Random, kind: str) -> str:
    section = f"[{kind.capitalize()}]"
    made = [random.choice([section, section, section, section, "[Unit]", "[X-Ours]", f"[{kind}]", ""])]
    keys = OF_SLICES if kind == "slice" else tuple(VALUES)
    for _ in range(random.randint(0, 5)):
        key = random.choice(keys)
        made.append(random.choice(["", "", " ", "\t", "#"]) + f"{key}{random.choice(['=', ' = '])}{random.choice(VALUES[key])}")
        if random.random() < 0.08:
            made.append(random.choice(["; nothing", "\\", f"{section} # x", "MemoryMax", "X-Key=1"]))
    return "\n".join(made) + "\n"


def host(random: Random, units: int, *, silent: bool) -> tuple[dict[str, str], list[str]]:
    """Units of several names with drop-ins for themselves, their prefixes, their templates and their type, strewn over the load path."""
    files = {f"{random.choice(FOLDERS[2:])}/service.d/{name}": lines(random, "service") for name in random.sample(NAMES, 2)}
    names: list[str] = []
    for number in range(units):
        kind = random.choice(["service", "service", "slice"])
        unit = (
            f"u{number}{random.choice(['', '-web', '-a-b'])}" + ("@i" if kind == "service" and random.random() < 0.3 else "") + f".{kind}"
        )
        names.append(unit)
        stem = unit.rpartition(".")[0]
        prefix, at, instance = stem.partition("@")
        main = f"{prefix}@.{kind}" if at else unit
        body = "[Service]\nExecStart=/bin/true\n" if kind == "service" else ""
        head = "[Unit]\nDefaultDependencies=no\n"
        for folder in random.sample(FOLDERS[2:], random.randint(1, 2)):
            files[f"{folder}/{main}"] = head + body + lines(random, kind).replace(f"[{kind.capitalize()}] # x", "# x")
        parts = prefix.split("-")
        wide = ["-".join(parts[:count]) + f"-{at}{instance}.{kind}" for count in range(1, len(parts))]
        for _ in range(random.randint(0, 6)):
            folder = f"{random.choice(FOLDERS)}/{random.choice([unit, unit, main, *wide])}.d"
            text = random.random()
            files[f"{folder}/{random.choice(NAMES)}"] = "" if text < 0.1 else "# hides\n" if silent and text < 0.2 else lines(random, kind)
    return files, names
