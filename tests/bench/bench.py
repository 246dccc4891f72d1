"""How fast oomconf is, each time against a floor measured in the same run; by hand: python tests/bench/bench.py [NAME...].

Times are processor time of a fresh process, user and system, the least of some rounds that alternate with the floor's.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

ROUNDS = 7
HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "small-vm" / "oomconf.yaml"

PARSE = """
import gc, sys, yaml
gc.disable()
for _ in yaml.parse(open(sys.argv[1], encoding="utf-8").read(), Loader=yaml.CLoader): pass
"""

WRITE = """
import json, os, sys
root = sys.argv[2]
for name, text, mode in json.load(open(sys.argv[1], encoding="utf-8")):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
"""

PLACES = (
    "systemd: {{unit: api-{n}.service}}",
    "docker: {{name: api-{n}, image: 'registry.example/api:1'}}",
    "quadlet: {{unit: api-{n}.container}}",
    "compose: {{file: compose.yaml, service: api-{n}}}",
    "kubernetes: {{workload: Deployment/api-{n}, namespace: prod, container: api, requests: {{memory: 256Mi}}}}",
)


def oomconf() -> str:
    """The installed command of this interpreter."""
    return str(Path(sysconfig.get_path("scripts")) / "oomconf")


def cpu(command: Sequence[str], ready: Callable[[], object] | None = None) -> float:
    """Seconds of processor time of one run; its output is dropped, and it must succeed."""
    if ready is not None:
        ready()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pair(run: Callable[[], float], floor: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float]:
    """The least of both, measured in turn so that a busy moment meets both."""
    times = [(run(), floor()) for _ in range(rounds)]
    return min(time for time, _ in times), min(time for _, time in times)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def show(what: str, goal: float, run: float, floor: float, against: str) -> None:
    ratio = run / floor
    print(
        f"{what:58} {ratio:6.2f} x {against:28} goal {goal:5.2f}  {'met' if ratio <= goal else 'MISSED'}  ({run * 1000:.0f} ms)", flush=True
    )


def spec(services: int, places: Sequence[str] = PLACES) -> str:
    """A host that runs everything, and services spread over the targets."""
    lines = [
        "version: 1",
        "hosts:",
        '  web: {ram: 900G, memtotal: 943718400K, swap: 8G, kernel: "6.12", systemd: 257, cgroup_version: 2,',
        '        docker: {version: "28", cgroup_driver: systemd}, sysctl: {profile: container-host}}',
        "services:",
    ]
    for number in range(services):
        place = places[number % len(places)].format(n=number)
        pod = place.startswith("kubernetes")
        lines += [f"  api-{number}:", f"    {place}"]
        if not pod:
            lines += ["    protect: normal", "    restart: on-failure"]
        lines.append("    memory: {max: 512Mi}" if pod else "    memory: {high: 384M, max: 512M, swap_max: 0}")
    return "\n".join(lines) + "\n"


def base(services: int) -> str:
    names = [f"api-{n}" for n in range(services) if PLACES[n % len(PLACES)].startswith("compose")]
    return "services:\n" + "".join(f"  {name}: {{image: 'registry.example/api:1'}}\n" for name in names)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare = [sys.executable, "-I", "-c", "pass"]

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def floor(self) -> float:
        return cpu(self.bare)

    def version(self) -> None:
        run, floor = pair(lambda: cpu([oomconf(), "--version"]), self.floor, 40)
        show("oomconf --version, as pip installs it", 1.57, run, floor, "python -I -c pass")
        script = shutil.which("oomconf", path=str(HERE.parent.parent / "scripts"))
        if script is not None:
            lean = [sys.executable, "-I", script, "--version"]
            run, floor = pair(lambda: cpu(lean), self.floor, 40)
            show("the same by scripts/oomconf", 1.25, run, floor, "python -I -c pass")

    def cold(self) -> None:
        out = self.folder / "small"
        command = [oomconf(), "render", str(EXAMPLE), "--out", str(out)]
        run, floor = pair(lambda: cpu(command, partial(remove, out)), self.floor)
        show("render a small spec, cold", 22, run, floor, "python -I -c pass")
        run, floor = pair(lambda: cpu(command), self.floor)
        show("render it again, nothing changed", 22, run, floor, "python -I -c pass")

    def many(self) -> None:
        for services, goal in ((1000, 2.0), (5000, 4.5)):
            source = self.write(f"many-{services}/oomconf.yaml", spec(services))
            self.write(f"many-{services}/compose.yaml", base(services))
            out, loop = self.folder / "out", self.folder / "loop"
            remove(out)
            command = [oomconf(), "render", source, "--out", str(out), "--no-lint"]
            cpu(command)
            files = [
                (str(path.relative_to(out)), path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777)
                for path in sorted(out.rglob("*"))
                if path.is_file()
            ]
            listed = self.write("files.json", json.dumps(files))
            bare = [sys.executable, "-I", "-c", WRITE, listed, str(loop)]
            run, floor = pair(partial(cpu, command, partial(remove, out)), partial(cpu, bare, partial(remove, loop)), 3)
            show(f"render {services} services x all targets, {len(files)} files", 3.0, run, floor, "writing the same bytes")
            run, floor = pair(partial(cpu, command), self.floor, 3)
            show(f"the same with nothing changed, {len(files)} files", goal, run, floor, "python -I -c pass")

    def check(self) -> None:
        source = self.write("big/oomconf.yaml", spec(10_000, PLACES[:3]))
        parse = [sys.executable, "-c", PARSE, source]
        run, floor = pair(lambda: cpu([oomconf(), "check", source]), lambda: cpu(parse), 3)
        show("check a spec of 10,000 services", 4.0, run, floor, "yaml.parse (C loader) of it")

    def growth(self) -> None:
        """Time per service from 100 to 10,000: the goal is that it does not grow."""
        for verb in ("check", "lint", "render"):
            per: dict[int, float] = {}
            none = self.write("none/oomconf.yaml", spec(1, PLACES[:3]))
            out = self.folder / "grow"
            tail = ["--out", str(out), "--no-lint"] if verb == "render" else []
            start = min(cpu([oomconf(), verb, none, *tail]) for _ in range(3))
            for services in (100, 1000, 10_000):
                source = self.write(f"grow-{services}/oomconf.yaml", spec(services, PLACES[:3]))
                times = [cpu([oomconf(), verb, source, *tail], partial(remove, out)) for _ in range(3)]
                per[services] = (min(times) - start) / services
            cells = ", ".join(f"{services}: {time * 1e6:.0f} us" for services, time in per.items())
            show(f"{verb} per service ({cells})", 1.5, per[10_000], per[1000], "at 1,000 services")


def main() -> None:
    names = sys.argv[1:] or ["version", "cold", "check", "many", "growth"]
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name in names:
            getattr(bench, name)()


if __name__ == "__main__":
    main()
