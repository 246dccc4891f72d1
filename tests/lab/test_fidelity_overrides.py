"""Who wins where others leave files beside ours: vendors, set-property, a local override.conf; oomconf's own readers say the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from inforce import look, size
from installing import facts
from machine import Machine, Shape
from record import Proven
from unit_files import read_units

import oomconf
from oomconf.dialect import Document, NoSources
from oomconf.dialects.sysctl import DIALECT as SYSCTL
from oomconf.policy import size_of

Render = Callable[..., Path]
_OURS: Final = "etc/systemd/system/{unit}.d/60-oomconf.conf"
_LATER: Final = {
    "vendor-lower": ("usr/lib/systemd/system/{unit}.d/50-vendor.conf", "ours"),
    "vendor-higher": ("usr/lib/systemd/system/{unit}.d/70-vendor.conf", "theirs"),
    "vendor-same": ("usr/lib/systemd/system/{unit}.d/60-oomconf.conf", "ours"),
    "admin-lower": ("etc/systemd/system/{unit}.d/10-admin.conf", "ours"),
    "override": ("etc/systemd/system/{unit}.d/override.conf", "theirs"),
    "run-lower": ("run/systemd/system/{unit}.d/59-x.conf", "ours"),
    "main-file": ("etc/systemd/system/{unit}", "ours"),
}
_ALL: Final = (*_LATER, "set-property", "set-property-runtime")
_SYSCTLS: Final = {
    "usr/lib/sysctl.d/50-vendor.conf": "vm.swappiness = 11\nvm.page-cluster = 1\nvm.vfs_cache_pressure = 101\n",
    "etc/sysctl.d/99-local.conf": "vm.page-cluster = 2\n",
    "run/sysctl.d/90-oomconf.conf": "vm.vfs_cache_pressure = 102\n",
}


def _spec(machine: Machine) -> str:
    services = "".join(
        f"  s{number}: {{memory: {{max: {64 + number}M, swap_max: {number}M}}, systemd: {{unit: {name}.service}}}}\n"
        for number, name in enumerate(_ALL)
    )
    said = "sysctl: {set: {vm.swappiness: 31, vm.page-cluster: 4, vm.vfs_cache_pressure: 131}}"
    return facts(machine, "m", "memtotal: 977928K", said) + f"services:\n{services}"


@pytest.mark.first_on("trixie")
def test_ours_beats_lower_names_and_set_property_and_yields_to_override_conf(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(_spec(machine))
    [policy] = oomconf.resolve(oomconf.load(path)).policies
    out = render(path, "--no-lint")
    theirs = "MemoryMax=48M\n"
    files = {f"etc/systemd/system/{name}.service": "[Service]\nExecStart=/bin/sleep infinity\n" for name in _ALL}
    for name, (place, _) in _LATER.items():
        where = place.format(unit=f"{name}.service")
        files[where] = files.get(where, "[Service]\n") + theirs
    machine.put({f"/{name}": text for name, text in {**files, **_SYSCTLS}.items()})
    units = [f"{name}.service" for name in _ALL]
    machine.run(["systemctl", "start", *units])
    machine.run("systemctl set-property set-property.service MemoryMax=48M")
    machine.run("systemctl set-property --runtime set-property-runtime.service MemoryMax=48M")
    left = {
        name: machine.out(f"cat /{folder}/systemd/system.control/{name}.service.d/50-MemoryMax.conf")
        for name, folder in (("set-property", "etc"), ("set-property-runtime", "run"))
    }
    assert all(text.endswith("MemoryMax=50331648") for text in left.values())

    machine.put_tree(out / "m/root")
    machine.run("systemctl daemon-reload && systemctl restart systemd-sysctl")
    machine.run(["systemctl", "restart", *units])
    seen = look(machine, policy, units)

    rendered = {str(file.relative_to(out / "m/root")): file.read_text() for file in (out / "m/root").rglob("*") if file.is_file()}
    leftovers = {
        f"{folder}/systemd/system.control/{name}.service.d/50-MemoryMax.conf": left[name]
        for name, folder in (("set-property", "etc"), ("set-property-runtime", "run"))
    }
    read = {workload.name: workload for workload in read_units({**files, **leftovers, **rendered}).policies[0].workloads}
    for workload in policy.workloads:
        unit = workload.placement.identities[0]
        name = unit.removesuffix(".service")
        expected = 48 << 20 if _LATER.get(name, ("", "ours"))[1] == "theirs" else size_of(workload.memory_max)
        assert size(seen.show(unit, "MemoryMax")) == expected, unit
        assert size(seen.group(unit)["files"]["memory.max"]) == expected, unit
        # what nobody else says is ours in any case
        assert size(seen.group(unit)["files"]["memory.swap.max"]) == size_of(workload.memory_swap_max), unit
        assert size_of(read[unit].memory_max) == expected, unit

    said = [Document(name, text) for name, text in {**_SYSCTLS, **rendered}.items() if "sysctl.d/" in name]
    assert SYSCTL.read is not None
    [kernel] = SYSCTL.read(said, NoSources()).policies
    assert {key: setting.value for key, setting in kernel.sysctls.items()} == {key: seen.raw["sysctls"][key] for key in policy.sysctls}
    assert [key for key, setting in policy.sysctls.items() if setting.value != seen.raw["sysctls"][key]] == ["vm.page-cluster"]
    proven("drop-ins and sysctl.d beside those of others: who wins", shape.title, len(policy.workloads) + len(policy.sysctls))
