"""Install a render in a machine by the README's own lines, over units that are there already."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from machine import Done, Machine

from oomconf.placement import SystemdUnit
from oomconf.policy import Policy

__all__ = ["Host", "bases", "facts", "steps"]

ROOT: Final = Path(__file__).resolve().parents[2]
_STEP: Final = re.compile(r"^<!-- lab ([\w-]+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT_OPTION: Final = "--left-by-the-unit"


def steps() -> dict[str, str]:
    """Give the README's installing steps by name, as they stand there."""
    found = dict(_STEP.findall((ROOT / "README.md").read_text("utf-8")))
    assert found["files"].startswith("host=vm "), "the README's first step says the names of the example"
    return found


def facts(machine: Machine, host: str, *more: str) -> str:
    """Give the part of a spec that tells what the machine is, to be laid over an example."""
    systemd = machine.out("systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p'")
    kernel = machine.out("uname -r | cut -d. -f1,2")
    said = ", ".join((f"systemd: {systemd}", f'kernel: "{kernel}"', "cgroup_version: 2", *more))
    return f"version: 1\nhosts: {{{host}: {{{said}}}}}\n"


def bases(policy: Policy, left_variables: Sequence[str] = ("NODE_OPTIONS", "JAVA_TOOL_OPTIONS")) -> dict[str, str]:
    """Give the units that a user has before: each sleeps, and sets variables of its own that a drop-in replaces."""
    environment = "".join(f"Environment={name}={_LEFT_OPTION}\n" for name in left_variables)
    text = f"[Service]\nExecStart=/bin/sleep infinity\n{environment}"
    folders = {False: "system", True: "user"}
    return {
        f"/etc/systemd/{folders[workload.placement.user]}/{workload.placement.unit}": text
        for workload in policy.workloads
        if isinstance(workload.placement, SystemdUnit)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine beside whose `out/` the README's lines are run, with the names of one policy in place of the example's."""

    machine: Machine
    policy: Policy
    out: Path
    used: list[str] = field(default_factory=list)

    @property
    def units(self) -> list[str]:
        """Units of the policy's services in the system's manager."""
        placed = [workload.placement for workload in self.policy.workloads]
        return [unit for one in placed if isinstance(one, SystemdUnit) and not one.user for unit in one.units]

    @property
    def services(self) -> list[str]:
        """Services of the policy in the system's manager, as the spec names them."""
        return [one.name for one in self.policy.workloads if isinstance(one.placement, SystemdUnit) and not one.placement.user]

    @property
    def scored(self) -> list[str]:
        """Those of the services that have a script for their score."""
        return [name for name in self.services if (self.out / self.policy.name / f"systemd/{name}.oom-score-adj.sh").exists()]

    @property
    def slices(self) -> list[str]:
        """Slices of the policy in the system's manager."""
        return [group.name for group in self.policy.groups if group.kind == "slice" and not group.user]

    @property
    def swaps(self) -> list[str]:
        """The swap units that were rendered."""
        return sorted(path.name for path in (self.out / self.policy.name).glob("root/etc/systemd/system/*.swap"))

    def bring(self) -> None:
        """Put `out/` beside the commands, and the units that the user has."""
        self.machine.run("rm -rf out")
        self.machine.put_tree(self.out, "/root/out")
        self.machine.put(bases(self.policy))
        # units that are new need no reload
        if self.units:
            self.machine.run(["systemctl", "start", *self.units])

    def step(self, name: str, *, check: bool = True) -> Done:
        """Run one of the README's steps to its end."""
        self.used.append(name)
        return self.machine.run(f"set -e\n{self.names}\n{self._text(name)}", check=check)

    def _text(self, name: str) -> str:
        """The step as it stands, but for the line that says the names: ours are said in its place."""
        text = steps()[name]
        if name != "files":
            return text
        first, _, rest = text.partition("\n")
        assert re.fullmatch(r"(\w+=(\w+|\"[^\"]*\") ?)+", first)
        assert {word.partition("=")[0] for word in re.findall(r"\w+=", first)} == {
            word.partition("=")[0] for word in re.findall(r"\w+=", self.names)
        }
        return rest

    @property
    def names(self) -> str:
        """The README's first line with the names of this policy."""
        words = {"slices": self.slices, "units": self.units, "services": self.scored, "swaps": self.swaps}
        return f"host={self.policy.name} " + " ".join(f"{name}={shlex.quote(' '.join(said))}" for name, said in words.items())

    def install(self, *, restart: bool = True) -> None:
        """Run every step for which something was rendered, in the README's order; `restart` the last of them too."""
        for name in steps():
            if name in self.rendered and (restart or name != "restart"):
                self.step(name)

    @property
    def rendered(self) -> set[str]:
        """The steps for which there are files; those that start a program are left to their own tests."""
        below = self.out / self.policy.name
        there = {
            "files": True,
            "swap": bool(self.swaps),
            "sysctl": (below / "root/etc/sysctl.d/90-oomconf.conf").exists(),
            "systemd": any(below.glob("root/etc/systemd/system/*.d/60-oomconf.conf")),
            "oom-score-adj": bool(self.scored),
            "restart": bool(self.units),
            "oomd": any(below.glob("root/etc/systemd/oomd.conf.d/*.conf")),
        }
        return {name for name, is_there in there.items() if is_there}
