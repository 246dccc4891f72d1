"""What the tests of systemd share: grammar cases, generated layouts of drop-ins, generated policies."""

from __future__ import annotations

import string
from random import Random
from typing import Any

from oomconf.dialect import Document, NoSources, Reading
from oomconf.dialects.systemd import DIALECT
from oomconf.placement import SystemdUnit
from oomconf.policy import Facts, Group, Oomd, Origin, Policy, Runtime, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size

HEAD = "[Service]\nExecStart=/bin/true\n"


def read_units(files: dict[str, str]) -> Reading:
    assert DIALECT.read is not None
    return DIALECT.read([Document(path, text) for path, text in files.items()], NoSources())


# text behind the ExecStart line, what is assigned there (key, value), the words of a fault if there is one
GRAMMAR: list[tuple[str, list[tuple[str, str]], str]] = [
    ("MemoryMax=1G", [("MemoryMax", "1G")], ""),
    ("  MemoryMax   =   1G   \n", [("MemoryMax", "1G")], ""),
    ("\tMemoryMax\t=\t1G\t\n", [("MemoryMax", "1G")], ""),
    ("MemoryMax=\\\n1G\n", [("MemoryMax", "1G")], ""),
    ("MemoryMax=\\\n# c\n; d\n1G\n", [("MemoryMax", "1G")], ""),
    ("MemoryMax=\\\n\n1G\n", [("MemoryMax", "")], "'1G' has no '='"),
    ("MemoryMax=1G\\ \nMemoryHigh=2G\n", [("MemoryMax", "1G\\"), ("MemoryHigh", "2G")], ""),
    ("Memory\\\nMax=1G\n", [("Memory Max", "1G")], ""),
    ("MemoryHigh=1G\\\n[Service]\nMemoryMax=1G\n", [("MemoryHigh", "1G [Service]"), ("MemoryMax", "1G")], ""),
    ("MemoryMax=1G\\", [("MemoryMax", "1G")], ""),
    ("MemoryMax=1G\\\\\nMemoryHigh=2G\n", [("MemoryMax", "1G\\\\"), ("MemoryHigh", "2G")], ""),
    ("MemoryMax=1G\\\\\\\nMemoryHigh=2G\n", [("MemoryMax", "1G\\\\ MemoryHigh=2G")], ""),
    (
        "MemoryMax=1G \\\nMemorySwapMax=1G \\\nMemoryLow=1G \\\n",
        [("MemoryMax", "1G  MemorySwapMax=1G  MemoryLow=1G")],
        "",
    ),
    ("# foo \\\nMemoryMax=1G\n", [("MemoryMax", "1G")], ""),
    (";MemoryMax=1G\n", [], ""),
    ("  # MemoryMax=1G\n", [], ""),
    ("// MemoryMax=1G\nMemoryMax=2G\n", [("// MemoryMax", "1G"), ("MemoryMax", "2G")], ""),
    ("MemoryMax=1G #x\n", [("MemoryMax", "1G #x")], ""),
    ("# caf\udce9\nMemoryMax=1G\n", [("MemoryMax", "1G")], ""),
    ("MemoryMax=1G\0\nMemoryHigh=2G\n", [("MemoryMax", "1G"), ("MemoryHigh", "2G")], ""),
    ("MemoryMax=1G\0MemoryHigh=2G\n", [("MemoryMax", "1G"), ("MemoryHigh", "2G")], ""),
    ("MemoryMax=1G\n\rMemoryHigh=2G\r\n\0\nMemoryLow=1M", [("MemoryMax", "1G"), ("MemoryHigh", "2G"), ("MemoryLow", "1M")], ""),
    ("MemoryMax=1G\\\r\nMemoryHigh=2G\r", [("MemoryMax", "1G MemoryHigh=2G")], ""),
    ("MemoryMax=1G\nMemoryMax=2G\n", [("MemoryMax", "1G"), ("MemoryMax", "2G")], ""),
    ("MemoryMax=1G\nMemoryMax=2GB\n", [("MemoryMax", "1G"), ("MemoryMax", "2GB")], ""),
    ("MemoryMax=1G\nMemoryMax=0\n", [("MemoryMax", "1G"), ("MemoryMax", "0")], ""),
    ("MemoryMax=1G\nMemoryMax=\n", [("MemoryMax", "1G"), ("MemoryMax", "")], ""),
    ("[Install]\n[Service]\nMemoryMax=1G\n", [("MemoryMax", "1G")], ""),
    ("[X-Foo]\nMemoryMax=1G\n[Foo]\nMemoryMax=2G\n", [], "[Foo]"),
    ("[ Service ]\nMemoryMax=1G\n[Service]\nMemoryHigh=1G\n", [("MemoryHigh", "1G")], "[ Service ]"),
    ("X-Foo=1\nMemoryMax=1G\n", [("X-Foo", "1"), ("MemoryMax", "1G")], ""),
    ("MemoryMax: 1G\n", [], "'MemoryMax: 1G' has no '='"),
    ("MemoryMax 1G\n", [], "'MemoryMax 1G' has no '='"),
    ("=1G\nMemoryMax=1G\n", [("MemoryMax", "1G")], "has no key before"),
    (".include /etc/x\nMemoryMax=1G\n", [("MemoryMax", "1G")], "has no '='"),
    ("Environment=A=B=C\nMemoryMax=1G\n", [("Environment", "A=B=C"), ("MemoryMax", "1G")], ""),
    ("  [Service]  \nMemoryMax=1G\n", [("MemoryMax", "1G")], ""),
    ("\ufeffMemoryMax=1G\n", [("MemoryMax", "1G")], ""),
    ("\ufeffMemoryMax=1G\n\ufeffMemoryHigh=1G\n", [("MemoryMax", "1G"), ("\ufeffMemoryHigh", "1G")], ""),
    ("MemoryMax=\n", [("MemoryMax", "")], ""),
    ("MemoryMax=1G # c\n", [("MemoryMax", "1G # c")], ""),
    ("memorymax=1G\n", [("memorymax", "1G")], ""),
    ("MemoryMax=1G\v\n", [("MemoryMax", "1G\v")], ""),
]

# text behind the ExecStart line that keeps the whole unit from loading, and the words for it
FATAL: list[tuple[str, str]] = [
    ("[Service] # x\nMemoryMax=1G\n", "does not end in ']'"),
    ("[Service\nMemoryMax=1G\n", "does not end in ']'"),
    ("[\nMemoryMax=1G\n", "does not end in ']'"),
    ('["Service"]\nMemoryMax=1G\n', "quotes, backslashes"),
    ("[Ser\\x2dvice]\nMemoryMax=1G\n", "quotes, backslashes"),
    ("[Ser\x01vice]\nMemoryMax=1G\n", "quotes, backslashes"),
    ("Environment=X=\ufffe\nMemoryMax=1G\n", "not UTF-8"),
    ("Environment=X=\ufdd0\nMemoryMax=1G\n", "not UTF-8"),
    ("#" + "x" * 2**20 + "\nMemoryMax=1G\n", "1 MiB"),
    ("Environment=" + ("A" * 1000 + "\\\n") * 1100 + "\nMemoryMax=1G\n", "1 MiB"),
]

_FOLDERS = (
    "etc/systemd/system.control",
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
)
_FILES = (
    "10-a.conf",
    "50-MemoryMax.conf",
    "60-oomconf.conf",
    "9-z.conf",
    "A.conf",
    "override.conf",
    "60-oomconf",
    ".hidden.conf",
    "x.conf~",
)


def layout(random: Random, unit: str) -> dict[str, str]:
    """Strew a unit and drop-ins that all set MemoryMax= over the load path."""
    stem, _, kind = unit.rpartition(".")
    prefix, at, instance = stem.partition("@")
    parts = prefix.split("-")
    prefixes = ["-".join(parts[:count]) + "-" for count in range(1, len(parts))]
    names = [unit, *(f"{one}{at}{instance}.{kind}" for one in prefixes)]
    if at:
        names += [f"{prefix}@.{kind}", *(f"{one}@.{kind}" for one in prefixes)]
    section = f"[{kind.capitalize()}]\n"
    body = "ExecStart=/bin/true\n" if kind == "service" else ""
    files: dict[str, str] = {}
    for folder in random.sample(_FOLDERS, random.randint(1, 2)):
        main = f"{prefix}@.{kind}" if at and random.random() < 0.6 else unit
        files[f"{folder}/{main}"] = f"[Unit]\nDefaultDependencies=no\n{section}{body}MemoryMax={random.randint(1, 999)}M\n"
    for _ in range(random.randint(0, 9)):
        path = f"{random.choice(_FOLDERS)}/{random.choice(names)}.d/{random.choice(_FILES)}"
        value = random.choice(["", "2GB", "0", "infinity", *(f"{random.randint(1, 999)}M" for _ in range(6))])
        files[path] = "" if random.random() < 0.15 else f"{section}MemoryMax={value}\n"
        if random.random() < 0.1:
            files[path] += f"[{kind}\nMemoryMax=7M\n"
    return files


# ── policies ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def amount(random: Random, *, least: int = 4096) -> Size:
    """Any size that a resolved policy may have: pages up to the largest, round and crooked."""
    kind = random.randrange(6)
    if kind == 0:
        return INFINITY
    if kind == 1:
        return Size(random.randint(1, 64) << random.choice([20, 30, 40]))
    if kind == 2:
        return Size(max(least, random.randrange(2**64 - 1) // 4096 * 4096))
    return Size(max(least, random.randrange(1 << random.randint(13, 63)) // 4096 * 4096))


def _maybe(random: Random, value: Any) -> Setting[Any] | None:
    return Setting(value) if random.random() < 0.6 else None


def _word(random: Random) -> str:
    inner = (random.choice(string.ascii_letters + string.digits + "_.:") for _ in range(random.randint(0, 7)))
    return random.choice(string.ascii_letters) + "".join(inner)


def _memory(random: Random) -> dict[str, Any]:
    promise = Size(0) if random.random() < 0.2 else min(amount(random), Size(2**64 - 4096))
    return {
        "memory_min": _maybe(random, promise),
        "memory_low": _maybe(random, min(amount(random), Size(2**64 - 4096))),
        "memory_high": _maybe(random, amount(random)),
        "memory_max": _maybe(random, amount(random)),
        "memory_swap_max": _maybe(random, Size(0) if random.random() < 0.3 else amount(random)),
    }


def workload(random: Random, number: int, *, user: bool = False) -> Workload:
    """A service with whatever it may say."""
    template = random.random() < 0.2
    unit = f"u{number}-{_word(random)}{'@' if template else ''}.service"
    instances = tuple(f"{_word(random)}{index}" for index in range(random.randint(0, 3))) if template else ()
    preference = random.choice(["none", "avoid", "omit"])
    derived = Setting(preference, origin=random.choice([Origin.WRITTEN, Origin.DERIVED]))
    kinds = random.sample(("jvm", "go", "node", "python"), random.choice([0, 0, 1, 2]))
    return Workload(
        name=f"s{number}",
        object=f"services.s{number}",
        placement=SystemdUnit(unit=unit, instances=instances, user=user),
        slice=_maybe(random, f"t{number}-{_word(random)}.slice"),
        oom_score_adj=_maybe(random, random.choice([-1000, -999, 0, 99, 100, 1000, random.randint(-1000, 1000)])),
        oom_policy=_maybe(random, random.choice(["continue", "stop", "kill"])),
        restart=_maybe(random, random.choice(["no", "on-failure", "on-abnormal", "always"])),
        managed_oom_preference=derived if random.random() < 0.6 else None,
        runtimes=tuple(Runtime(kind=kind, options=tuple(_option(random) for _ in range(random.randint(0, 2)))) for kind in kinds),
        **_memory(random),
    )


def _option(random: Random) -> str:
    return random.choice(["-Xss512k", "-Da=50%", '-Db="x y"', "-Dc=\\n", "-Dd=$HOME", "-De=%h", "--x='1'", "-Df=ü;#"])


def group(random: Random, number: int, *, user: bool = False) -> Group:
    """A slice with whatever it may say."""
    return Group(
        name=f"g{number}-{_word(random)}.slice",
        object=f"slices.g{number}",
        user=user,
        managed_oom_swap=_maybe(random, random.choice(["auto", "kill"])),
        managed_oom_memory_pressure=_maybe(random, random.choice(["auto", "kill"])),
        managed_oom_memory_pressure_limit=_maybe(random, Percent(random.choice([0, 1, 10_000, random.randint(0, 10_000)]))),
        managed_oom_preference=_maybe(random, random.choice(["none", "avoid", "omit"])),
        **_memory(random),
    )


def policy(random: Random, *, units: int = 3, facts: Facts | None = None, user: bool | None = None) -> Policy:
    """A resolved policy of one host."""
    if facts is None:
        facts = Facts(
            systemd=_maybe(random, random.choice([0, 219, 229, 231, 238, 240, 243, 247, 248, 252, 257, 262])),
            cgroup_version=_maybe(random, random.choice([1, 2])),
        )
    pick = (lambda: random.random() < 0.3) if user is None else (lambda: user)
    oomd = Oomd(
        swap_used_limit=_maybe(random, Percent(random.randint(0, 10_000))),
        default_memory_pressure_limit=_maybe(random, Percent(random.randint(0, 10_000))),
        default_memory_pressure_duration=_maybe(random, random.randint(1, 86_400)),
    )
    return Policy(
        name="h",
        object="hosts.h",
        source="oomconf.yaml",
        facts=facts,
        workloads=tuple(workload(random, number, user=pick()) for number in range(units)),
        groups=tuple(group(random, number, user=pick()) for number in range(units)),
        oomd=oomd if random.random() < 0.7 else None,
    )
