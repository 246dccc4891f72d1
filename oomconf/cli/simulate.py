"""oomconf simulate: who dies, in which order, under which pressure, and why."""

from __future__ import annotations

import argparse
import sys

from oomconf.api import Spec
from oomconf.cli import EXIT_CALL, EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._capture import captured
from oomconf.cli._plain import read_twice
from oomconf.cli._shared import complain, load, named, paper, refused
from oomconf.errors import InputError
from oomconf.host.files import Disk
from oomconf.policy import Fleet, Setting
from oomconf.quantity import INFINITY, SizeError
from oomconf.quantity import spec as sizes
from oomconf.simulation import Machine, Simulation, machine_of, machine_of_snapshot, simulate, simulate_host
from oomconf.simulation.live import uses
from oomconf.simulation.play import SCENARIOS, listed
from oomconf.snapshot import Snapshot


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    from oomconf.host.snapshot import capture, collector

    if options.capture_script:
        sys.stdout.write(collector())
        return EXIT_FINE
    if options.capture:
        sys.stdout.write(capture())
        return EXIT_FINE
    try:
        use = dict(_use(word) for word in options.use or ())
    except ValueError as error:
        return complain(str(error))
    if (use or options.host) and not options.spec:
        return complain(f"{'--use' if use else '--host'} goes with a spec; without one the host is taken as it is")
    if read_twice("SPEC", options.spec, "--snapshot", options.snapshot):
        return EXIT_CALL
    taken = captured(options.snapshot or None) if options.snapshot or not options.spec else None
    if isinstance(taken, int):
        return taken
    if not options.spec:
        return _report([_of_host(taken, options)] if taken is not None else [], options)
    paths = named(options.spec)
    disk = Disk(paths)
    spec, fleet, findings = load(paths, disk)
    if spec is None or fleet is None:
        return refused(findings, disk)
    return _of_spec(spec, fleet, use, taken, options)


def parser() -> argparse.ArgumentParser:
    """The options of simulate."""
    names = "; ".join(f"{name}: {what}" for name, what in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        "oomconf simulate",
        description="Say who dies when memory runs out: first, second, third, always or possibly, and what protects whom. "
        "Without a spec this host as it is.",
        epilog="exit codes: 0 told, and what the spec expects is met; 1 an expectation is not; 2 a wrong call, or a spec or snapshot "
        "that cannot be used",
    )
    parser.add_argument("spec", nargs="*", metavar="SPEC", help="spec files, the later winning; without one the live host, or the snapshot")
    parser.add_argument(
        "--scenario",
        action="append",
        metavar="NAME",
        help=f"only these, step by step ({names}; a leak may name a process: leak:SERVICE/PROCESS)",
    )
    parser.add_argument("--steps", action="store_true", help="all scenarios step by step")
    parser.add_argument("--host", action="append", metavar="NAME", help="only these hosts of the spec")
    parser.add_argument("--use", action="append", metavar="SERVICE=SIZE", help="what a service uses when nothing is wrong")
    parser.add_argument(
        "--snapshot", metavar="FILE", help="a captured host: its sizes for the spec's services, or the host itself; - is standard input"
    )
    parser.add_argument("--capture", action="store_true", help="print a snapshot of this host")
    parser.add_argument("--capture-script", action="store_true", help="print a shell script that makes a snapshot where there is no Python")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _use(word: str) -> tuple[str, int]:
    name, mark, size = word.partition("=")
    if not mark or not name:
        raise ValueError(f"--use {word!r}: say SERVICE=SIZE, for example api=600M")
    try:
        value = sizes.parse_size(size)
    except SizeError as error:
        raise ValueError(f"--use {word!r}: {error}{f': {error.hint}' if error.hint else ''}") from None
    if value >= INFINITY:
        raise ValueError(f"--use {word!r}: say how much is in use")
    return name, int(value)


def _of_spec(spec: Spec, fleet: Fleet, use: dict[str, int], taken: Snapshot | None, options: argparse.Namespace) -> int:
    wanted = {name.strip() for text in options.host or () for name in text.split(",")}
    every = [policy for policy in fleet.policies if policy.scope == "host"]
    hosts = [policy for policy in every if not wanted or policy.name in wanted]
    if unknown := sorted(wanted - {policy.name for policy in every}):
        return complain(f"the spec has no host {', '.join(unknown)}; hosts: {listed(policy.name for policy in every)}")
    if not hosts:
        return complain("the spec has no host: memory runs out on a machine, and a cluster alone is none")
    known = {workload.name: None for policy in hosts for workload in policy.workloads}
    if unknown := sorted(set(use) - set(known)):
        return complain(f"--use: there is no service {', '.join(unknown)}; services: {listed(known)}")
    machines = [machine_of(policy, {**({} if taken is None else uses(taken, policy)), **use}) for policy in hosts]
    for scenario in options.scenario or ():
        if not any(_belongs(scenario, machine) for machine in machines):
            names = {member.service: None for machine in machines for member in machine.members}
            groups = {name: None for machine in machines for name in machine.groups}
            return complain(f"--scenario {scenario}: no host has that; services: {listed(names)}; slices: {listed(groups) or 'none'}")
    expect = spec.model.expect
    first: list[Setting[str]] = [] if expect is None else list(expect.first)
    never: list[Setting[str]] = [] if expect is None else list(expect.never)
    found: list[Simulation] = []
    for machine in machines:
        scenarios = None if not options.scenario else [name for name in options.scenario if _belongs(name, machine)]
        try:
            found.append(simulate(machine, scenarios, first=first, never=never))
        except ValueError as error:
            raise InputError(f"{machine.name}: {error}") from None
    here = {member.service for machine in machines for member in machine.members}
    unjudged = sorted({str(name.value) for name in (*first, *never)} - here)
    if unjudged:
        print(f"expected of {listed(unjudged)}: not judged, {_nowhere(hosts=len(hosts), every=len(every))}", file=sys.stderr)
    code = _report(found, options)
    return max(code, EXIT_FINDINGS) if unjudged and len(hosts) == len(every) else code


def _nowhere(*, hosts: int, every: int) -> str:
    return "it runs on no host of the spec" if hosts == every else "it runs on none of the hosts asked for"


def _belongs(scenario: str, machine: Machine) -> bool:
    name = scenario.partition(":")[2].partition("/")[0]
    return not name or name in machine.groups or any(name in (member.name, member.service) for member in machine.members)


def _of_host(taken: Snapshot, options: argparse.Namespace) -> Simulation:
    machine = machine_of_snapshot(taken)
    try:
        return simulate_host(machine, options.scenario or ())
    except ValueError as error:
        raise InputError(str(error)) from None


def _report(found: list[Simulation], options: argparse.Namespace) -> int:
    if options.format == "json":
        from oomconf.reports import simulation_json

        sys.stdout.write(simulation_json.render(found))
    else:
        from oomconf.reports import simulation_text

        page = paper(sys.stdout)
        for one in found:
            sys.stdout.write(simulation_text.render(one, page, steps=bool(options.scenario or options.steps)))
    sys.stdout.flush()
    unmet = [one for simulation in found for one in simulation.expectations if not one.met]
    met = sum(len(simulation.expectations) for simulation in found) - len(unmet)
    if unmet or met:
        print(
            f"{met} expectation{'' if met == 1 else 's'} met, {len(unmet)} not"
            if unmet
            else f"{met} expectation{'' if met == 1 else 's'} met",
            file=sys.stderr,
        )
    return EXIT_FINDINGS if unmet else EXIT_FINE
