"""How fast lint is on a tree of manifests, each time against a floor of the same run; by hand: python tests/bench/lint_bench.py [TREE].

Without a tree one of 2,000 generated manifests is made. Floors: `yaml.parse` of libyaml over the files that matter, a bare walk, and where they
are installed yamllint and checkov. `growth` doubles hostile files: a reader that is linear stays near 2.
Times are processor time of a fresh process, the least of some rounds that alternate with the floor's.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import cpu, oomconf

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources

ROUNDS = 5
PARSE = """
import gc, os, sys, yaml
gc.disable()
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith((".yaml", ".yml", ".json")):
            text = open(os.path.join(folder, name), encoding="utf-8", errors="replace").read()
            if "ontainers" in text or "services" in text or "LimitRange" in text:
                try:
                    for _ in yaml.parse(text, Loader=yaml.CLoader): pass
                except Exception: pass
"""
WALK = """
import os, sys
def walk(path):
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False): walk(entry.path)
walk(sys.argv[1])
"""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: api-{n}, namespace: team-{n}}}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: api
          image: registry.example/api:{n}
          env: [{{name: JAVA_TOOL_OPTIONS, value: -Xmx256m}}]
          ports: [{{containerPort: 8080}}]
          resources:
            requests: {{cpu: 250m, memory: 512Mi}}
            limits: {{memory: {limit}}}
"""
HOSTILE: dict[str, tuple[str, Callable[[int], str]]] = {
    "a unit of many lines": ("etc/systemd/system/web.service", lambda size: "[Service]\n" + "MemoryMax=2GB\n" * size),
    "a unit of near misses": (
        "etc/systemd/system/web.service",
        lambda size: "[Service]\n" + "".join(f"MemroyMx{n}=1\n" for n in range(size)),
    ),
    "drop-ins of one unit": ("etc/sysctl.d/90-x.conf", lambda size: "".join(f"vm.swappiness{n} = 1\n" for n in range(size))),
    "a deep mapping": ("k8s/x.yaml", lambda size: "apiVersion: v1\nkind: Pod\n" + "{a: " * size),
    "many containers": (
        "k8s/x.yaml",
        lambda size: (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
            + "".join(f"  - {{name: c{n}, image: x, resources: {{limits: {{memory: 1Gi}}}}}}\n" for n in range(size))
        ),
    ),
    "many services": ("compose.yaml", lambda size: "services:\n" + "".join(f"  s{n}: {{image: x, mem_limit: 1g}}\n" for n in range(size))),
    "a script of many commands": ("x.sh", lambda size: "docker run -m 1g --name a x\nsysctl -w vm.swappiness=1\n" * size),
    "a script of open quotes": ("x.sh", lambda size: "docker run '" + '"$(' * size),
    "a script of here-documents": ("x.sh", lambda size: "cat > /etc/sysctl.d/a.conf <<E\nvm.swappiness = 1\nE\n" * size),
    "a script of opening braces": ("x.sh", lambda size: "docker ${" * size),
    "a Dockerfile of continuations": ("Dockerfile", lambda size: "RUN sysctl -w a=b \\\n" * size),
    "a crontab": ("etc/cron.d/x", lambda size: "* * * * * root sysctl -w vm.swappiness=1 %\n" * size),
    "tasks": ("tasks/main.yml", lambda size: "- shell: sysctl -w vm.swappiness=1\n" * size),
    "aliases": ("k8s/x.yaml", lambda size: "apiVersion: v1\nkind: Pod\na: &a [x]\nb:\n" + "- *a\n" * size),
}


def tree(folder: Path) -> Path:
    """Make manifests of which one in twenty has a mistake."""
    for n in range(2000):
        path = folder / f"team-{n // 20}" / f"{n}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MANIFEST.format(n=n, limit="512m" if n % 20 == 0 else "1Gi"), "utf-8")
    return folder


def least(commands: dict[str, list[str]]) -> dict[str, float]:
    """Least processor time of each command, in turn."""
    found: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            spent = cpu(command)
            found[name] = min(found.get(name, spent), spent)
    return found


def speed(root: Path, cache: Path) -> None:
    """Cold and warm runs against their floors."""
    os.environ["OOMCONF_CACHE"] = str(cache)
    lint = [oomconf(), "lint", str(root), "--fail-on", "never", "--allow-partial", "--no-config", "--format", "concise"]
    commands = {
        "parse": [sys.executable, "-c", PARSE, str(root)],
        "cold": [*lint, "--no-cache"],
        "walk": [sys.executable, "-c", WALK, str(root)],
        "warm": lint,
    }
    time.sleep(3)
    cpu(lint)
    times = least(commands)
    print(
        f"cold {times['cold']:.2f} s = {times['cold'] / times['parse']:.1f} x yaml.parse of the files that matter ({times['parse']:.2f} s)"
    )
    print(f"warm {times['warm']:.3f} s = {times['warm'] / times['walk']:.1f} x a bare walk ({times['walk']:.3f} s)")
    for name, command in {
        "yamllint": ["yamllint", "-d", "relaxed", str(root)],
        "checkov": ["checkov", "--quiet", "--compact", "--skip-download", "--framework", "kubernetes", "-d", str(root)],
    }.items():
        if shutil.which(name) is None:
            print(f"{name}: not installed")
            continue
        begun = os.times()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        ended = os.times()
        spent = ended.children_user + ended.children_system - begun.children_user - begun.children_system
        print(f"{name} {spent:.1f} s: lint is 1/{spent / times['cold']:.0f} of it")


def growth() -> None:
    """Time of a file over that of one half its size, and the time itself; without the collector, as the command runs."""
    gc.disable()
    for name, (path, make) in HOSTILE.items():
        spent: list[float] = []
        for size in (4000, 8000):
            document = Document(path, make(size))
            best = 1e9
            for _ in range(2):
                begun = time.process_time()
                report = lint_raw([document], NoSources())
                best = min(best, time.process_time() - begun)
                if report.crashed:
                    raise report.crashed[0][1]
            spent.append(best)
        print(f"{name:<32} {spent[1]:.2f} s, {spent[1] / max(spent[0], 1e-3):.1f} x that of half the size")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        speed(Path(sys.argv[1]) if len(sys.argv) > 1 else tree(Path(made) / "tree"), Path(made) / "cache")
    growth()
