"""The systemd-run one-liners, executed: a command of one's own, and the service's where the spec gives it, in a scope with its limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from inforce import cells_of, look, until_held
from installing import ROOT, Host, facts, steps
from machine import Machine, Shape
from record import Proven

import oomconf

Render = Callable[..., Path]


def scope_of(machine: Machine, name: str) -> str:
    """The scope that systemd-run says it has made."""
    said = machine.out(f"for n in $(seq 100); do grep -q unit: {name}.said && break; sleep 0.1; done; cat {name}.said", timeout=60)
    found = re.search(r"unit: ([\w-]+\.scope)", said)
    assert found is not None, said
    return found[1]


@pytest.mark.deep
def test_every_script_starts_a_scope_with_what_its_ledger_says(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    count = 0
    for example in ("small-vm", "database-host", "kubernetes-node"):
        path = ROOT / "examples" / example / "oomconf.yaml"
        name = oomconf.load(path).fleet.policies[0].name
        over = tmp_path / f"{name}.yaml"
        over.write_text(facts(machine, name))
        spec = oomconf.load(path, over)
        policy = next(one for one in oomconf.resolve(spec).policies if one.name == name)
        host = Host(machine=machine, policy=policy, out=render(path, over))
        machine.run("rm -rf out")
        machine.put_tree(host.out, "/root/out")
        machine.put({"/usr/local/bin/backup": ("#!/bin/sh\nexec sleep infinity\n", 0o755)})
        started = []
        for service in host.services:
            script = f"out/{name}/systemd/{service}.systemd-run.sh"
            command = f"sh {script} sleep infinity"
            if service == "backup":
                command = f"{{ {host.names}\n{steps()['systemd-run']}}}"
                assert script.replace(name, "$host", 1) in command
            elif "usage" in machine.read(f"/root/{script}"):
                done = machine.run(["sh", script], check=False)
                assert (done.status, done.err) == (2, f"usage: {script} COMMAND [ARGUMENT...]\n")
            machine.run(f"{command} >{service}.said 2>&1 </dev/null &")
            started.append(service)
        scopes = {f"services.{service}": scope_of(machine, service) for service in started}
        found, _ = until_held(
            cells_of(oomconf.render(spec).ledger, "systemd-run"),
            lambda policy=policy, scopes=scopes: look(machine, policy, list(scopes.values())),  # type: ignore[misc]
            lambda cell, scopes=scopes: scopes[cell.object],  # type: ignore[misc]
        )
        count += found
        # a command that ends leaves no unit behind
        machine.run(["systemctl", "stop", *scopes.values()])
        assert machine.out("systemctl list-units --all --plain --no-legend 'run-*.scope' | wc -l") == "0"
    proven("systemd-run one-liners: exact cells in force", shape.title, count)
