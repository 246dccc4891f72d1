"""Real java and node, as Debian packs them, take the heap that the policy says: in a unit, in a scope, and in a container."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import containers
import pytest
from containers import HOSTILE, SLOW
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.policy import Policy
from oomconf.quantity import Percent
from oomconf.runtimes import jvm_rounded
from oomconf.runtimes._heaps import young_generation

M: Final = 1 << 20
JAVA: Final = {"bookworm": 17, "trixie": 21}
NODE: Final = {"bookworm": 18, "trixie": 20}
ASK_NODE: Final = "console.log(require('v8').getHeapStatistics().heap_size_limit, JSON.stringify(process.title)) // " + "-" * 150
"""A title has no more room than the command line."""
SEMI: Final = 8
MOUNTS: Final = ["/usr", "/lib", "/lib64"]


def spec_of(machine: Machine, shape: Shape) -> dict[str, Any]:
    """Heaps by a share and by a size, in limits above and below what a percentage needs."""
    version = NODE[shape.image.suite]
    java = f"/usr/lib/jvm/java-{JAVA[shape.image.suite]}-openjdk-amd64/bin/java"
    options = ["--rm", "--network=none", *(f"--volume={path}:{path}:ro" for path in MOUNTS)]
    options.append(f"--volume=/etc/java-{JAVA[shape.image.suite]}-openjdk:/etc/java-{JAVA[shape.image.suite]}-openjdk:ro")
    flags = ["-XX:+PrintFlagsFinal", "-XshowSettings:properties", "-version"]
    hostile = [f"-Dsaid={HOSTILE}"]
    said = {
        "java-share": {"limit": "500M", "jvm": {"heap": "61.5%", "options": hostile}, "systemd": {"unit": "java-share.service"}},
        "java-small": {"limit": "200M", "jvm": {"heap": "47.5%"}, "systemd": {"unit": "java-small.service"}},
        "java-scope": {"limit": "450M", "jvm": {"heap": "150M"}, "systemd": {"unit": "java-scope.service"}},
        "java-docker": {
            "limit": "480M", "jvm": {"heap": "55.25%", "options": hostile},
            "docker": {"name": "java-docker", "image": "lab", "options": options, "command": [java, *flags]},
        },
        "node-unit": {"limit": "400M", "node": {"heap": "55%", "version": version, "options": [f"--title={HOSTILE}"]}, "systemd": {"unit": "node-unit.service"}},
        "node-scope": {"limit": "300M", "node": {"heap": "123M", "version": version}, "systemd": {"unit": "node-scope.service"}},
        "others": {
            "limit": "100M", "go": {"heap": "70%"}, "dotnet": {"heap": "61%"}, "python": {"arenas": 4}, "systemd": {"unit": "others.service"},
        },
    }  # fmt: skip
    kinds = ("jvm", "node", "go", "dotnet", "python")
    services = {
        name: {
            "memory": {"max": one["limit"], "swap_max": 0},
            "runtime": {kind: one[kind] for kind in kinds if kind in one},
            **{kind: one[kind] for kind in ("systemd", "docker") if kind in one},
        }
        for name, one in said.items()
    }
    return {"version": 1, "hosts": {"box": containers.host(machine, shape)}, "services": services}


def units(flags: str) -> dict[str, str]:
    """What the drop-ins are laid over; each prints to a file what its program says, and the limit that it runs under."""
    commands = {
        "java-share": f"java {flags}",
        "java-small": f"java {flags}",
        "node-unit": 'node -e "$ASK"',
        "others": "tr '\\\\0' '\\\\n' </proc/self/environ",
    }
    limit = "cat /sys/fs/cgroup$$(cut -d: -f3 /proc/self/cgroup)/memory.max"
    return {
        f"/etc/systemd/system/{name}.service": (
            f'[Service]\nType=oneshot\nEnvironment="ASK={ASK_NODE}"\nStandardOutput=file:/root/{name}.txt\nStandardError=inherit\n'
            f"ExecStart=/bin/sh -c '{limit}; {command.replace('$', '$$').replace(chr(39), chr(92) + chr(39))}'\n"
        )
        for name, command in commands.items()
    }


def heap_of(policy: Policy, name: str) -> int:
    """The policy's integer: the size that is said, or the share of the limit, in whole bytes."""
    (workload,) = [one for one in policy.workloads if one.name == name]
    (runtime, *_) = workload.runtimes
    assert runtime.heap is not None
    assert runtime.heap.value is not None
    return runtime.heap.value.of(containers.limit_of(workload), 1) if isinstance(runtime.heap.value, Percent) else runtime.heap.value


def max_heap(said: str) -> int:
    found = re.search(r" MaxHeapSize +:?= (\d+) ", said)
    assert found is not None, said
    return int(found[1])


def property_of(said: str) -> str:
    """A property of java, as -XshowSettings prints it, without what the charset of a bare environment cannot say."""
    found = re.search(r"^    said = (.*)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


@pytest.mark.deep
def test_java_and_node_take_the_policys_heap(
    machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path], proven: Proven
) -> None:
    spec = tmp_path / "oomconf.yaml"
    spec.write_text(json.dumps(spec_of(machine, shape), ensure_ascii=False), "utf-8")
    (policy,) = oomconf.resolve(oomconf.load(spec)).policies
    limits = {one.name: containers.limit_of(one) for one in policy.workloads}
    out = render(spec, "--no-lint") / "box"
    flags = "-XX:+PrintFlagsFinal -XshowSettings:properties -version"
    machine.put(units(flags))
    machine.put_tree(out / "root")
    machine.put_tree(out / "docker", "/root/docker")
    machine.put_tree(out / "systemd", "/root/systemd")
    machine.run(
        "systemctl daemon-reload; systemctl start java-share java-small node-unit others || { cat /root/*.txt; exit 1; }", timeout=SLOW
    )
    said = {name: machine.read(f"/root/{name}.txt") for name in ("java-share", "java-small", "node-unit", "others")}
    for name, text in said.items():
        assert text.split("\n", 1)[0] == str(limits[name]), f"{name} runs under the policy's limit"
    inside = f"cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/memory.max; exec java {flags}"
    said["java-scope"] = machine.run(["sh", "/root/systemd/java-scope.systemd-run.sh", "sh", "-c", inside], timeout=SLOW).out
    assert said["java-scope"].split("\n", 1)[0] == str(limits["java-scope"])
    ask = ["/usr/bin/node", f"--max-semi-space-size={SEMI}", "-e", ASK_NODE]
    said["node-scope"] = machine.out(["sh", "/root/systemd/node-scope.systemd-run.sh", *ask], timeout=SLOW)
    said["java-docker"] = machine.run("/root/docker/java-docker.run.sh 2>&1", timeout=SLOW).out

    # a size that is whole in 2 MiB is taken as it is; a share is rounded up to that, by Serial and by G1 of such a size
    heaps = {name: heap_of(policy, name) for name in said if name.startswith(("java", "node"))}
    taken = {name: max_heap(said[name]) for name in heaps if name.startswith("java")}
    assert taken["java-scope"] == heaps["java-scope"]
    assert taken["java-small"] == heaps["java-small"] // (2 * M) * 2 * M
    for name in ("java-share", "java-docker"):
        assert taken[name] == jvm_rounded(heaps[name])
        assert 0 <= taken[name] - heaps[name] < 2 * M
    # V8 adds three semi-spaces to old space: of the size that is said, or of one by the machine's memory, a power of two up to 16 MiB
    title, young = {}, {}
    for name in ("node-unit", "node-scope"):
        limit, _, title[name] = said[name].strip().splitlines()[-1].partition(" ")
        young[name] = int(limit) - heaps[name] // M * M
    assert young["node-scope"] == 3 * SEMI * M
    assert young["node-unit"] in {3 * (1 << power) for power in range(19, 25)}
    assert young["node-unit"] <= young_generation(NODE[shape.image.suite]) == 3 * 16 * M
    proven("runtimes: java's MaxHeapSize and V8's limit are the policy's heap", shape.title, len(taken) + len(title))

    assert json.loads(title["node-unit"]) == HOSTILE
    assert [plain(property_of(said[name])) for name in ("java-share", "java-docker")] == [plain(HOSTILE)] * 2
    proven("runtimes: quotes, dollars and percents in options reach java and node as they were", shape.title, 3)
    environ = dict(line.partition("=")[::2] for line in said["others"].splitlines()[1:])
    seen = containers.Seen({}, "", {}, {}, 0, environ, frozenset())
    (workload,) = [one for one in policy.workloads if one.name == "others"]
    assert all(containers.runtime_held(runtime, workload, seen) for runtime in workload.runtimes)
    proven("runtimes: Go's, .NET's and malloc's variables are in the process", shape.title, len(workload.runtimes))


def plain(text: str) -> str:
    """Without letters that java prints as ? or more where the environment names no charset."""
    return re.sub(r"(?:[^ -~]|\?)+", "?", text)
