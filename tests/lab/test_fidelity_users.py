"""Units of a user's own manager, installed as their headers say: what its ledger calls exact is in force below the user's service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from inforce import cells_of, look, until_held
from installing import facts
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.ledger import Status

_USER: Final = 1234
_SPEC: Final = """
slices:
  desk.slice: {user: true, memory: {max: 200M, swap_max: 32M}}
services:
  sync:
    slice: desk.slice
    oom_score_adj: 450
    oom_policy: kill
    restart: on-failure
    memory: {low: 8M, high: 40M, max: 48M, swap_max: 0}
    runtime: {python: {arenas: 2}}
    systemd: {unit: sync.service, user: true}
  index: {oom_policy: stop, restart: always, memory: {max: 67108865, swap_max: infinity}, systemd: {unit: index.service, user: true}}
  low: {oom_score_adj: -200, memory: {max: 30M}, systemd: {unit: low.service, user: true}}
"""


@pytest.mark.first_on("trixie")
def test_what_is_exact_is_in_force_in_the_users_manager(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(facts(machine, "m", "memtotal: 977928K") + _SPEC)
    spec = oomconf.load(path)
    [policy] = oomconf.resolve(spec).policies
    names = [one.name for one in policy.workloads]
    machine.put({f"/etc/systemd/user/{name}.service": "[Service]\nExecStart=/bin/sleep infinity\n" for name in names})
    machine.put_tree(render(path, "--no-lint") / "m/root")
    machine.run(f"useradd --uid {_USER} --user-group --create-home somebody && loginctl enable-linger somebody")
    machine.run(f"until [ -S /run/user/{_USER}/systemd/private ]; do sleep 0.2; done", timeout=120)
    manager = f"setpriv --reuid={_USER} --regid={_USER} --init-groups env XDG_RUNTIME_DIR=/run/user/{_USER} systemctl --user"
    units = [f"{name}.service" for name in names]
    machine.run(f"{manager} daemon-reload && {manager} start {' '.join(units)}", timeout=120)
    cells = cells_of(oomconf.render(spec).ledger, "systemd")
    exact = [cell for cell in cells if cell.status is Status.EXACT]

    def bare(identity: str) -> str:
        return identity.removeprefix("user:")

    count, seen = until_held(exact, lambda: look(machine, policy, [*units, "desk.slice"], user=_USER), lambda cell: bare(cell.identity))
    assert all(str(seen.show(one, "ControlGroup")).startswith(f"/user.slice/user-{_USER}.slice/user@{_USER}.service/") for one in units)
    # what a user's manager may not do is not there, and the ledger says so
    (refused,) = [cell for cell in cells if cell.object == "services.low" and cell.field == "oom_score_adj"]
    assert refused.status is Status.IMPOSSIBLE
    assert "-200" not in {process["adj"] for process in seen.processes("low.service")}
    proven("units of a user's manager: exact cells in force", shape.title, count)
