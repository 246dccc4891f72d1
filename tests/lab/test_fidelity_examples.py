"""The examples, installed as the README says: what is then in force is what the ledger calls exact, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from inforce import ELSEWHERE, cells_of, held, look, reader_of, until_held
from installing import ROOT, Host, bases, facts
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.ledger import Cell, Status
from oomconf.policy import Policy

Render = Callable[..., Path]
_DATABASE_SWAP = "swap: [{file: /swapfile, size: 4G}]"
"""The disk of the machine does not hold the 16G of the example."""


def spec_of(machine: Machine, folder: Path, example: str, host: str, *more: str) -> tuple[list[Path], Policy, tuple[Cell, ...]]:
    over = folder / f"{host}.yaml"
    over.write_text(facts(machine, host, *more))
    paths = [ROOT / "examples" / example / "oomconf.yaml", over]
    spec = oomconf.load(*paths)
    policy = next(one for one in oomconf.resolve(spec).policies if one.name == host)
    return paths, policy, oomconf.render(spec).ledger


def by_status(cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
    return [cell for cell in cells if cell.status is Status.EXACT], [cell for cell in cells if cell.status is not Status.EXACT]


@pytest.mark.first_on("trixie")
def test_a_small_machine_step_by_step_as_the_readme_and_the_headers_say(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    paths, policy, ledger = spec_of(machine, tmp_path, "small-vm", "vm")
    host = Host(machine=machine, policy=policy, out=render(*paths))
    host.bring()
    units = [*host.units, *host.slices]
    before = look(machine, policy, units)
    for step in ("files", "swap", "sysctl", "systemd"):
        host.step(step)

    # what a drop-in's header says of the next start is not in force yet, and everything else is
    exact, inexact = by_status(cells_of(ledger, "systemd"))
    late = {"OOMScoreAdjust": "oom_score_adj", "Slice": "slice", "Environment": "runtime.node"}
    said = re.search(r"next starts; but for (.*) at once after:", (ROOT / "templates/systemd/unit.conf.j2").read_text("utf-8"))
    assert said is not None
    assert set(re.findall(r"(\w+)=", said[1])) == set(late)
    at_once, seen = until_held([cell for cell in exact if cell.field not in late.values()], lambda: look(machine, policy, units))
    for cell in exact:
        if cell.field in ("slice", "oom_score_adj"):
            now, then = (
                [one.found for one in reader_of(cell)(cell, state, cell.identity) if one.where.startswith("a process")]
                for state in (seen, before)
            )
            assert now == then, cell
    assert any(process["adj"] != "-500" for process in seen.processes("nginx.service"))

    host.step("oom-score-adj")
    seen = look(machine, policy, units)
    scores = held(cells_of(ledger, "oom-score-adj"), seen)
    host.step("restart")
    in_force, seen = until_held(exact, lambda: look(machine, policy, units))

    # approximated: the heap is there, and what the unit had in the variable before is gone
    assert [cell.field for cell in inexact] == ["runtime.node"]
    [heap] = reader_of(inexact[0])(inexact[0], seen, inexact[0].identity)
    assert heap.holds
    [old], [new] = before.processes("app.service"), seen.processes("app.service")
    assert old["environ"]["NODE_OPTIONS"] in next(iter(bases(policy).values()))
    assert old["environ"]["NODE_OPTIONS"] not in new["environ"]["NODE_OPTIONS"]

    kernel = held([*cells_of(ledger, "sysctl"), *cells_of(ledger, "swap")], seen)
    proven("small-vm: limits in force at once, without a restart", shape.title, at_once)
    proven("small-vm: oom-score-adj.sh on running services", shape.title, scores)
    proven("small-vm: exact cells of systemd in force", shape.title, in_force)
    proven("small-vm: exact cells of sysctl and swap in force", shape.title, kernel)


@pytest.mark.deep
def test_every_other_example_is_in_force_as_its_ledger_says(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    units, kernel, swaps = 0, 0, 0
    # strict overcommit comes last: it would be in the way of what starts after it
    for example, name, more in (
        ("container-host", "box", ()),
        ("kubernetes-node", "pool", ()),
        ("database-host", "db", (_DATABASE_SWAP,)),
    ):
        paths, policy, ledger = spec_of(machine, tmp_path, example, name, *more)
        host = Host(machine=machine, policy=policy, out=render(*paths))
        host.bring()
        host.install()
        cells = [*cells_of(ledger, "systemd"), *cells_of(ledger, "oom-score-adj")]
        count, seen = until_held(cells, lambda policy=policy, host=host: look(machine, policy, [*host.units, *host.slices]))  # type: ignore[misc]
        units += count
        kernel += held(cells_of(ledger, "sysctl"), seen)
        swaps += held(cells_of(ledger, "swap"), seen)
        assert set(host.used) == host.rendered
    proven("container-host, kubernetes-node, database-host: exact cells of systemd in force", shape.title, units)
    proven("container-host, kubernetes-node, database-host: exact cells of sysctl in force", shape.title, kernel)
    proven("database-host: exact cells of swap in force", shape.title, swaps)


def test_every_cell_of_every_example_is_read_back_by_somebody() -> None:
    for path in sorted((ROOT / "examples").glob("*/oomconf.yaml")):
        for cell in oomconf.render(oomconf.load(path)).ledger:
            if cell.target not in ELSEWHERE:
                reader_of(cell)
