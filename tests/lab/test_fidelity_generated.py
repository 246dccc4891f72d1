"""A generated policy with odd numbers, every sysctl of the table, and what the ledger calls inexact."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import pytest
from inforce import Seen, cells_of, held, look, reader_of, size, until_held
from installing import Host, facts
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS
from oomconf.kernel.version import KernelVersion
from oomconf.ledger import Cell, Status
from oomconf.quantity import Percent

Render = Callable[..., Path]
_SERVICES: Final = 20
_SEED: Final = 20261128
_PAGE: Final = 4096


def _odd(random: Random, least: int, most: int) -> int:
    """A size on a page, or a byte or two beside one."""
    return random.randrange(least // _PAGE, most // _PAGE) * _PAGE + random.choice((0, 0, 1, -1, 2, 4095))


def _percent(random: Random, least: int, most: int) -> str:
    whole, rest = divmod(random.randrange(least, most), 100)
    return f"{whole}.{rest:02d}%"


def _promise(random: Random) -> object:
    return random.choice((0, 1, 4095, 4096, 4097, _odd(random, _PAGE, 1 << 26), _percent(random, 1, 300)))


def _limit(random: Random) -> object:
    return random.choice(("infinity", _odd(random, 1 << 25, 1 << 34), _odd(random, 1 << 25, 1 << 27), _percent(random, 400, 10_000)))


def _swap(random: Random) -> object:
    return random.choice((0, 1, 4095, 4097, "infinity", _odd(random, 0, 1 << 32)))


def _service(random: Random, number: int) -> str:
    home = random.choice(("odd.slice", "odd-deep.slice", "other.slice", None))
    memory: dict[str, object] = {"high": _limit(random), "max": _limit(random), "swap_max": _swap(random)}
    if home is not None:
        memory |= {"min": _promise(random), "low": _promise(random)}
    said: dict[str, object] = {
        "memory": "{" + ", ".join(f"{key}: {value}" for key, value in memory.items() if key == "swap_max" or random.random() < 0.8) + "}",
        "oom_score_adj": random.choice((0, 999, 1000, -999, -1, 1, "{value: -1000, reason: a test}", random.randrange(-999, 1000))),
        "oom_policy": random.choice(("continue", "stop", "kill")),
        "restart": random.choice(("no", "on-failure", "on-abnormal", "always")),
        "managed_oom_preference": random.choice(("none", "avoid", "omit")),
    }
    said = {key: value for key, value in said.items() if key == "memory" or random.random() < 0.7}
    if home is not None:
        said["slice"] = home
    said["systemd"] = f"{{unit: odd{number}.service}}"
    return f"  odd{number}: {{{', '.join(f'{key}: {value}' for key, value in said.items())}}}\n"


def _sysctls(machine: Machine) -> dict[str, str]:
    """Give every writable sysctl of the table a value other than the one it has."""
    keys = " ".join(key.replace(".", "/") for key, row in SYSCTLS.items() if row.kind in ("int", "ulong", "list"))
    there = machine.out(f"cd /proc/sys; for key in {keys}; do [ -w $key ] && printf '%s=%s\\n' $key \"$(tr '\\t' ' ' <$key)\"; done; true")
    found: dict[str, str] = {}
    kernel = KernelVersion.parse(machine.out("uname -r"))
    losers = {one for pair in EXCLUSIVE_PAIRS for one in pair if one.endswith(("_bytes", "_kbytes"))}
    for row in there.splitlines():
        path, _, text = row.partition("=")
        key = path.replace("/", ".")
        known = SYSCTLS[key]
        if key in losers or key in _LEFT_ALONE:
            continue
        if known.kind == "list":
            found[key] = " ".join(str(int(word) + 1) for word in text.split())
            continue
        high = known.maximum_in(kernel)
        up = int(text) + 1
        found[key] = str(up if (high is None or up <= high) and (known.unit != "flag" or up <= 1) and up < 2**31 else max(int(text) - 1, 0))
    return found


_LEFT_ALONE: Final = {
    "vm.overcommit_memory": "strict overcommit is in database-host",
    "vm.nr_hugepages": "asked for in vain below",
    "vm.nr_hugepages_mempolicy": "the same number again",
    "vm.mmap_rnd_bits": "the least and the most are the architecture's",
    "vm.mmap_rnd_compat_bits": "the least and the most are the architecture's",
    "vm.min_free_kbytes": "transparent huge pages raise it again by themselves",
    "vm.percpu_pagelist_high_fraction": "0, or 8 and more",
}


@pytest.mark.deep
def test_odd_numbers_and_every_sysctl_are_in_force_as_the_ledger_says(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    random = Random(_SEED)
    total = machine.out("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
    sysctls = _sysctls(machine)
    assert len(sysctls) > 50
    services = "".join(_service(random, number) for number in range(_SERVICES))
    path = tmp_path / "odd.yaml"
    path.write_text(
        facts(
            machine,
            "m",
            f"memtotal: {total}K",
            "swap: [{file: /var/odd.swap, size: 67109999, priority: 32767}, {file: /var/swap-2, size: 64M}, {file: /var/s3, size: 40961, priority: 0}]",
            "oomd: {SwapUsedLimit: 87.65%, DefaultMemoryPressureLimit: 43.21%, DefaultMemoryPressureDurationSec: 75}",
            f"sysctl: {{set: {{{', '.join(f'{key}: {value!r}' for key, value in sysctls.items())}}}}}",
        )
        + "slices:\n  odd.slice: {memory: {max: infinity, swap_max: 4097}, managed_oom: {swap: kill, memory_pressure: kill, memory_pressure_limit: 12.34%, preference: avoid}}\n"
        + f"  odd-deep.slice: {{memory: {{high: 77.77%, max: {_odd(random, 1 << 29, 1 << 32)}}}, managed_oom: {{swap: auto, memory_pressure: auto, preference: none}}}}\n"
        + "  other.slice: {managed_oom: {memory_pressure: kill, memory_pressure_limit: 99.99%, preference: omit}}\n"
        + f"services:\n{services}"
    )
    spec = oomconf.load(path)
    [policy] = oomconf.resolve(spec).policies
    ledger = oomconf.render(spec).ledger
    host = Host(machine=machine, policy=policy, out=render(path, "--no-lint"))
    host.bring()
    host.install()
    look_now = lambda: look(machine, policy, [*host.units, *host.slices], oomd=True)  # noqa: E731
    count, seen = until_held([*cells_of(ledger, "systemd"), *cells_of(ledger, "oom-score-adj")], look_now)
    proven("generated policy of 20 services: exact cells of systemd in force", shape.title, count)
    proven("generated policy: exact cells of swap in force", shape.title, held(cells_of(ledger, "swap"), seen))
    assert held(cells_of(ledger, "sysctl"), seen) == len(sysctls)
    proven("sysctl: numbers of the table that may be changed on a running machine, with other values", shape.title, len(sysctls))

    # the script and the units again: twice is once, and the units do at boot what the script does now
    swaps = cells_of(ledger, "swap")
    assert machine.run("oomconf-swap up; oomconf-swap up").out == ""
    machine.run("oomconf-swap down; oomconf-swap down")
    assert look(machine, policy, ()).raw["swaps"] == {}
    assert machine.run("oomconf-swap status", check=False).status == 1
    machine.run(["systemctl", "start", *host.swaps])
    assert machine.run(["systemctl", "is-enabled", *host.swaps]).out.split() == ["enabled"] * len(host.swaps)
    by_units = held(swaps, look(machine, policy, ()))
    assert machine.run("oomconf-swap up; oomconf-swap status").out.count(" is on\n") == len(host.swaps)
    proven("swap units started by systemd: exact cells in force", shape.title, by_units)

    # percentages: the number that systemd makes of them
    shares = [_percent(random, 1, 10_001) for _ in range(12)]
    machine.put(
        {f"/etc/systemd/system/share{n}.service": f"[Service]\nExecStart=/bin/true\nMemoryMax={share}\n" for n, share in enumerate(shares)}
    )
    shown = machine.out(["systemctl", "show", "--value", "--property=MemoryMax", *(f"share{n}.service" for n in range(len(shares)))])
    by_systemd = [int(text) for text in shown.split()]
    assert by_systemd == [int(Percent(round(float(share[:-1]) * 100)).of(int(total) * 1024)) for share in shares]
    proven("percentages of RAM: the integer that systemd makes of them", shape.title, len(shares))


_INEXACT: Final = """
      vm.swappiness: 300, vm.drop_caches: 1, vm.dirty_bytes: 99999744, vm.dirty_ratio: 33, vm.overcommit_kbytes: 123456,
      vm.overcommit_ratio: 61, vm.memfd_noexec: 1, vm.block_dump: 0, vm.nr_hugepages: 4000, vm.page-cluster: "2",
"""


def _told(cell: Cell, seen: Seen, before: Seen, total: int) -> bool:
    """Whether what is in force differs from an inexact cell's value, or cannot be said."""
    if cell.target == "sysctl":
        [fact] = reader_of(cell)(cell, seen, cell.identity)
        return not fact.holds
    if cell.target == "swap":
        return int(seen.raw["swaps"][cell.identity][1]) * 1024 != int(cell.setting.value) - _PAGE
    if cell.field == "managed_oom_memory_pressure_limit":
        return seen.show(cell.identity, "ManagedOOMMemoryPressureLimit") == before.show(cell.identity, "ManagedOOMMemoryPressureLimit")
    if cell.field.startswith("memory_"):
        # the share of the RAM that there is, not of the nominal one
        share = Percent(round(float(cell.setting.text.removesuffix("%")) * 100))
        in_force = size(seen.group(cell.identity)["files"]["memory.max"])
        return in_force == int(cell.setting.value) and in_force != share.of(total)
    if cell.field in ("runtime.jvm", "runtime.node"):
        variable = {"runtime.jvm": "JAVA_TOOL_OPTIONS", "runtime.node": "NODE_OPTIONS"}[cell.field]
        left = before.processes(cell.identity)[0]["environ"][variable]
        return left not in seen.processes(cell.identity)[0]["environ"][variable]
    raise AssertionError(f"nobody looks at {cell}")


@pytest.mark.deep
def test_what_the_ledger_calls_inexact_is_not_in_force_or_is_another_number(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    total = int(machine.out("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) * 1024
    path = tmp_path / "inexact.yaml"
    said = " ".join(_INEXACT.split())
    path.write_text(
        facts(machine, "m", "ram: 1G", "swap: [{device: /dev/vdb, size: 2G, priority: 5}]", f"sysctl: {{set: {{{said}}}}}")
        + "slices: {none.slice: {managed_oom: {memory_pressure: kill, memory_pressure_limit: 0%}}}\n"
        + "services:\n"
        + "  share: {memory: {max: 50%, swap_max: 0}, systemd: {unit: share.service}}\n"
        + "  java: {memory: {max: 128M, swap_max: 0}, runtime: {jvm: {heap: 50%}}, systemd: {unit: java.service}}\n"
        + "  node: {memory: {max: 128M, swap_max: 0}, runtime: {node: {heap: 50%}}, systemd: {unit: node.service}}\n"
    )
    spec = oomconf.load(path)
    [policy] = oomconf.resolve(spec).policies
    ledger = [cell for target in ("systemd", "sysctl", "swap") for cell in cells_of(oomconf.render(spec).ledger, target)]
    host = Host(machine=machine, policy=policy, out=render(path, "--no-lint"))
    host.bring()
    units = [*host.units, *host.slices]
    before = look(machine, policy, units)
    done = host.step("swap", check=False) if host.used else (host.step("files"), host.step("swap", check=False))[1]
    assert (done.status, "/dev/vdb is not formatted as swap: run mkswap /dev/vdb yourself" in done.err) == (1, True), done
    machine.run("mkswap /dev/vdb")
    for step in ("swap", "systemd", "restart"):
        host.step(step)
    # as many huge pages as there are, and then none: nothing else could run
    machine.run("systemctl restart systemd-sysctl; cat /proc/sys/vm/nr_hugepages >had; echo 0 >/proc/sys/vm/nr_hugepages", check=False)
    exact = [cell for cell in ledger if cell.status is Status.EXACT]
    inexact = [cell for cell in ledger if cell.status is not Status.EXACT]
    count, seen = until_held(exact, lambda: look(machine, policy, units))
    seen.raw["sysctls"]["vm.nr_hugepages"] = machine.read("/root/had")
    assert int(seen.raw["sysctls"]["vm.nr_hugepages"]) > 0
    wrong = [cell for cell in inexact if not _told(cell, seen, before, total)]
    assert not wrong, wrong
    kinds = {(cell.target, re.sub(r"^vm\..*", "vm", cell.field)) for cell in inexact}
    assert {target for target, _ in kinds} == {"systemd", "sysctl", "swap"}
    proven("what the ledger calls inexact: not in force, or another number", shape.title, len(inexact))
    assert count
