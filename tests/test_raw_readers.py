"""What docker, compose and Kubernetes take a spelling for, each row as the consumer itself took it."""

from __future__ import annotations

import pytest

from oomconf import dialects
from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped, NoSources, Reading
from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY

M = 1 << 20


def read(name: str, files: dict[str, str]) -> Reading:
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.read is not None
    return dialect.read([Document(path, text) for path, text in files.items()], Mapped(files))


def one(name: str, path: str, text: str) -> tuple[Workload, list[str]]:
    reading = read(name, {path: text})
    (workload,) = (workload for policy in reading.policies for workload in policy.workloads)
    return workload, [entry.fault for entry in reading.entries if entry.fault]


# ── docker run (docker/cli: cli/command/container/opts.go) ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words",
    [
        "docker run -m 512m web",
        "docker run -m512m web",
        "docker run -m=512m web",
        "docker run -im 512m web",
        "docker run -itm512m web",
        "docker run --memory=512m web",
        "docker run --memory 512m web",
        "docker run --memory 1g --memory 512m web",
        "docker --debug run --memory 512m web",
        "docker container run --memory 512m web",
        "docker create --memory 512m web",
        "sudo docker run --rm \\\n  --memory 512m \\\n  web",
        "docker run --env A='-m 1g' -m 512m web",
    ],
)
def test_docker_takes_the_limit(words: str) -> None:
    workload, faults = one("docker", "run.sh", f"#!/bin/sh\n{words}\n")
    assert size_of(workload.memory_max) == 512 * M
    assert faults == []


@pytest.mark.parametrize(
    "words", ["docker run alpine -m 512m", "docker run --rm alpine --memory=512m", "docker run --oom-kill-disable alpine"]
)
def test_what_stands_behind_the_image_is_the_command_s(words: str) -> None:
    workload, _ = one("docker", "run.sh", f"#!/bin/sh\n{words}\n")
    assert workload.memory_max is None


@pytest.mark.parametrize(
    ("words", "swap"),
    [
        ("-m 512m", None),  # unsaid is unsaid, though the engine makes the total twice the memory
        ("-m 512m --memory-swap 0", None),
        ("-m 512m --memory-swap 512m", 0),
        ("-m 512m --memory-swap 768m", 256 * M),
        ("-m 512m --memory-swap -1", INFINITY),
        ("--rm", None),
    ],
)
def test_docker_s_total_of_memory_and_swap_becomes_swap_alone(words: str, swap: int | None) -> None:
    workload, _ = one("docker", "run.sh", f"#!/bin/sh\ndocker run {words} web\n")
    assert size_of(workload.memory_swap_max) == swap


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("-m 4m --memory-swap 1m", "is a total of 1M, less than the memory of 4M: the engine refuses it"),
        ("-m 512mbb", "has the suffix 'mbb', which Docker does not know"),
        ("--oom-score-adj=5000", "is not between -1000 and 1000: the engine refuses it"),
        ("--oom-score-adj high", "'high' is not an integer to Docker"),
        ("--shiny --memory-reservation 1x", "has the suffix 'x'"),
    ],
)
def test_an_engine_s_options_are_judged_in_commands_and_in_quadlets(words: str, fault: str) -> None:
    _, faults = one("docker", "run.sh", f"#!/bin/sh\ndocker run {words} web\n")
    assert [fault in one for one in faults] == [True]
    _, faults = one("quadlet", "web.container", f"[Container]\nImage=web\nPodmanArgs={words}\n")
    assert [fault in one for one in faults] == [True]


def test_podman_args_add_up_over_lines_and_stand_behind_memory() -> None:
    text = "[Container]\nImage=web\nMemory=512m\nPodmanArgs=--memory-swap=1g\nPodmanArgs=--oom-score-adj=-5 --memory-reservation=${LOW}\n"
    workload, faults = one("quadlet", "web.container", text)
    assert faults == []
    assert [size_of(each) for each in (workload.memory_max, workload.memory_swap_max, workload.memory_low)] == [512 * M, 512 * M, None]
    assert workload.oom_score_adj is not None
    assert (workload.oom_score_adj.value, workload.oom_score_adj.at[1:3]) == (-5, (5, 12))


# file, its lines, kind of the fault and where
QUADLETS = [
    ("a.container", "[Container]\nMemoryMax=1G\n", ("place", 2, 1)),
    ("a.container", "[Container]\nOomScoreAdjust=-500\n", ("key", 2, 1)),
    ("a.container", "[Container]\nMemorySwap=1g\n", ("key", 2, 1)),
    ("a.container", "[Container]\nMemroy=1g\n", ("key", 2, 1)),
    ("a.container", "[Unit]\nMemoryMax=1G\n", ("place", 2, 1)),
    ("a.container", "[Service]\nMemroyMax=1G\n", ("key", 2, 1)),
    ("a.container", "[Service]\nMemoryMax=1GB\n", ("value", 2, 11)),
    ("a.container", "[Service]\nOOMAdjust=1\n", ("gone", 2, 1)),
    ("a.container.d/b.conf", "[Service]\nMemoryMax=1GB\n", ("value", 2, 11)),
    ("b.kube", "[Kube]\nMemoryMax=1G\n", ("place", 2, 1)),
    ("b.kube", "[Service]\nMemoryMax=1GB\n", ("value", 2, 11)),
    ("etc/containers/systemd/b.pod", "[Pod]\nPodmanArgs=--memory=1x\n", ("value", 2, 12)),
    ("etc/containers/systemd/b.build.d/c.conf", "[Service]\nMemoryMax=1GB\n", ("value", 2, 11)),
    ("b.volume", "[Service]\nMemroyMax=1G\n", ("key", 2, 1)),
    (
        "a.container",
        "[Container]\nMemory=1g\nShmSize=1g\nTmpfs=/x\nEnvironment=A=b\nEnvironmentFile=/x.env\n[Service]\nMemoryMax=@MEM@\nRestart=always\n",
        None,
    ),
    ("a.container", "[Unit]\nConditionMemory=1G\n[X-Other]\nMemoryMax=1\n[Container]\nPodmanArgs=--memory=%i --memory={{ m }}\n", None),
]


@pytest.mark.parametrize(("path", "text", "fault"), QUADLETS)
def test_a_quadlet_s_lines_are_judged_as_quadlet_and_systemd_take_them(path: str, text: str, fault: tuple[str, int, int] | None) -> None:
    dialect = dialects.find("quadlet")
    assert dialect is not None
    assert dialect.claims is not None
    assert dialect.claims(path)
    faults = [(one.kind, *one.at[1:3]) for one in read("quadlet", {path: text}).entries if one.fault]
    assert faults == ([] if fault is None else [fault])


@pytest.mark.parametrize("path", ["lib/Net/Docs.pod", "etc/systemd/network/10-eth.network", "x.image", "x.conf.d/a.conf"])
def test_files_of_others_with_the_ends_of_quadlets_are_left_alone(path: str) -> None:
    dialect = dialects.find("quadlet")
    assert dialect is not None
    assert dialect.claims is not None
    assert not dialect.claims(path)


# ── compose (types/bytes.go: a float is dropped without a word; Go's YAML) ───────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spelling", "size"),
    [
        ("512m", 512 * M),
        ("512M", 512 * M),
        ("512mb", 512 * M),
        ("512MiB", 512 * M),
        (".5g", 512 * M),
        ("536870912", 512 * M),
        ("0x20000000", 512 * M),
        ("0o4000000000", 512 * M),
        ("536_870_912", 512 * M),
        ("'512m'", 512 * M),
    ],
)
def test_compose_takes_the_limit(spelling: str, size: int) -> None:
    workload, faults = one("compose", "compose.yaml", f"services:\n  web:\n    image: web\n    mem_limit: {spelling}\n")
    assert size_of(workload.memory_max) == size
    assert faults == []


@pytest.mark.parametrize(
    ("line", "env", "faults"),
    [
        ("mem_limit: ${V:-512Mi}", "", 1),
        ("mem_limit: ${V:-512Mi}", "V=512m\n", 0),
        ("mem_limit: ${V:-${W:-512Mi}}", "", 1),
        ("mem_limit: ${V:-${W}}", "", 0),
        ("mem_limit: ${V:+512Mi}", "", 0),
        ("mem_limit: ${V:?say it}", "", 0),
        ("mem_limit: ${V}", "V=512Mi\n", 1),
        ("mem_limit: ${V}i", "V=512M\n", 1),
        ("memswap_limit: ${V:-1Gi}", "", 1),
        ("oom_score_adj: ${V:--2000}", "", 1),
        ("oom_score_adj: ${V}", "", 0),
    ],
)
def test_a_variable_is_judged_where_its_value_is_known(line: str, env: str, faults: int) -> None:
    files = {"compose.yaml": f"services:\n  web:\n    image: web\n    {line}\n", ".env": env}
    report = lint_raw([Document("compose.yaml", files["compose.yaml"])], Mapped(files), select=["ignored-value"])
    assert [(one.at.line, one.fix) for one in report.findings] == [(4, ())] * faults
    assert [place.at.path for one in report.findings for place in one.related] == [".env"] * (faults if env else 0)


@pytest.mark.parametrize("spelling", ["1e9", "1E9", "1.0e9", "1000000000.0", "0.5", "08", "9223372036854775808", "yes", "12:30", "512 k b"])
def test_compose_has_no_limit_and_the_reader_says_why(spelling: str) -> None:
    workload, faults = one("compose", "compose.yaml", f"services:\n  web:\n    image: web\n    mem_limit: {spelling}\n")
    assert size_of(workload.memory_max) is None
    assert faults


def test_a_variable_s_default_counts_and_an_unset_one_is_nothing() -> None:
    text = "services:\n  web:\n    image: web\n    mem_limit: ${LIMIT:-512m}\n"
    assert size_of(one("compose", "compose.yaml", text)[0].memory_max) == 512 * M


def test_an_override_wins_and_remembers_what_it_beat() -> None:
    files = {
        "compose.yaml": "services:\n  web:\n    image: web\n    mem_limit: 1g\n",
        "compose.override.yaml": "services:\n  web:\n    mem_limit: 512m\n",
    }
    (workload,) = (one for policy in read("compose", files).policies for one in policy.workloads)
    assert size_of(workload.memory_max) == 512 * M
    assert workload.memory_max is not None
    assert workload.memory_max.at.path == "compose.override.yaml"


def test_heaps_ride_along_with_their_places() -> None:
    text = (
        "services:\n  web:\n    image: web\n    environment:\n      JAVA_TOOL_OPTIONS: -Xms1g -Xmx2g\n"
        "    command: [java, -XX:MaxRAMPercentage=50, -jar, app.jar]\n"
    )
    workload, _ = one("compose", "compose.yaml", text)
    ((kind, heap, line),) = [(runtime.kind, runtime.heap.value, runtime.heap.at.line) for runtime in workload.runtimes if runtime.heap]
    assert (kind, heap, line) == ("jvm", 2 << 30, 5), "a size beats a percentage, wherever it stands"


@pytest.mark.parametrize(
    "options", ["-XX:MaxDirectMemorySize=1gb", "'-XX:MaxDirect'MemorySize=1gb", """'-XX:MaxDirectMemorySize=1\\\"g'"""]
)
def test_direct_buffers_have_the_place_of_the_variable_that_says_them(options: str) -> None:
    text = f'services:\n  web:\n    environment:\n      JAVA_OPTS: -Xmx1g\n      JAVA_TOOL_OPTIONS: "{options}"\n'
    report = lint_raw([Document("compose.yaml", text)], NoSources(), select=["ignored-value"])
    assert [one.at.line for one in report.findings] == [5]


def test_an_override_of_the_other_name_is_read_over_the_only_base() -> None:
    files = {
        "compose.yaml": "services:\n  web:\n    image: web\n    mem_limit: 512m\n",
        "docker-compose.prod.yml": "services:\n  web:\n    environment:\n      JAVA_TOOL_OPTIONS: -Xmx1g\n",
    }
    documents = [Document(path, text) for path, text in files.items()]
    report = lint_raw(documents, Mapped(files), select=["heap-above-limit"])
    assert [(one.at.path, one.at.line) for one in report.findings] == [("docker-compose.prod.yml", 4)]


# ── Kubernetes (kube-apiserver 1.36: apimachinery/pkg/api/resource, sigs.k8s.io/yaml) ────────────────────────────────────

POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n    - name: a\n      resources:\n        limits:\n          memory: {}\n"


@pytest.mark.parametrize(
    ("spelling", "size"),
    [
        ("512Mi", 512 * M),
        ('"512Mi"', 512 * M),
        (".5Gi", 512 * M),
        ("1.Gi", 1024 * M),
        ("+1Gi", 1024 * M),
        ('" 256Mi "', 256 * M),
        ("1e9", 10**9),
        ("1.5e9", 1_500_000_000),
        ("512M", 512_000_000),
        ("536870912", 512 * M),
        ("0x20000000", 512 * M),
        ("0o4000000000", 512 * M),
        ("04000000000", 512 * M),
        ("536_870_912", 512 * M),
    ],
)
def test_kubernetes_takes_the_limit(spelling: str, size: int) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert size_of(workload.memory_max) == size
    assert faults == []


@pytest.mark.parametrize(
    "spelling", ["512MB", "512mi", "512 Mi", '""', "true", "1:30", '"0x400"', "512Mi,", "1Gi 2Gi", "2024-01-01", ".inf"]
)
def test_kubernetes_refuses_the_limit_and_the_reader_says_so(spelling: str) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert workload.memory_max is not None
    assert workload.memory_max.value is None, "present but ignored, at its place"
    assert any("refused" in fault for fault in faults)


@pytest.mark.parametrize(("spelling", "bytes_"), [("500m", 1), ("1.5", 2), ("0.5", 1)])
def test_a_fraction_of_a_byte_is_rounded_up_and_remarked_upon(spelling: str, bytes_: int) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert size_of(workload.memory_max) == bytes_
    assert any("fraction of a byte" in fault for fault in faults)


@pytest.mark.parametrize("spelling", ["0", "Gi", '"."', "-0"])
def test_zero_is_no_limit(spelling: str) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert workload.memory_max is None
    assert faults


@pytest.mark.parametrize("spelling", ["~", "null", ""])
def test_null_unsays_a_limit_and_nobody_is_blamed(spelling: str) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert workload.memory_max is None
    assert not any(faults)


@pytest.mark.parametrize(("spelling", "bytes_"), [("1.2Gi", 1288490189), ("0.7Mi", 734004), ("1.0000001G", 1000000100)])
def test_what_rounding_leaves_of_a_decimal_is_no_fault(spelling: str, bytes_: int) -> None:
    workload, faults = one("kubernetes", "k8s/p.yaml", POD.format(spelling))
    assert size_of(workload.memory_max) == bytes_
    assert not any(faults)


def test_every_way_to_a_pod_is_known() -> None:
    containers = "{containers: [{name: a, resources: {limits: {memory: 1Gi}}}]}"
    template = f"{{template: {{spec: {containers}}}}}"
    kinds = {"Deployment": template, "StatefulSet": template, "DaemonSet": template, "ReplicaSet": template, "Job": template}
    kinds |= {"ReplicationController": template, "Pod": containers, "CronJob": f"{{jobTemplate: {{spec: {template}}}}}"}
    for kind, spec in kinds.items():
        workload, _ = one("kubernetes", "k8s/x.yaml", f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, namespace: n}}\nspec: {spec}\n")
        assert size_of(workload.memory_max) == 1 << 30, kind
        assert workload.placement.identities == (f"{kind}/n/x/a",)


def test_a_list_and_several_documents_are_read() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {containers: [{name: a}]}}"
    text = f"apiVersion: v1\nkind: List\nitems: [{pod % 'one'}, {pod % 'two'}]\n---\n{pod % 'three'}\n"
    found = [one.name for policy in read("kubernetes", {"k8s/l.yaml": text}).policies for one in policy.workloads]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("etc/sysctl.d/90-memory", "# x\nvm.swappiness = 1\n", [(2, "call it 90-memory.conf")]),
        ("root/etc/sysctl.d/90.cfg", "kernel.panic=1\n", [(1, "call it 90.conf")]),
        ("etc/systemd/system/web.service.d/limits", "[Service]\nMemoryMax=1G\n", [(2, "call it limits.conf")]),
        ("web.slice.d/x.ini", "[Slice]\nManagedOOMSwap=kill\n", [(2, "call it x.conf")]),
        ("etc/sysctl.d/README", "vm.swappiness = 1\n", []),
        ("etc/sysctl.d/README.md", "vm.swappiness = 1\n", []),
        ("etc/sysctl.d/90.conf.bak", "vm.swappiness = 1\n", []),
        ("etc/sysctl.d/90.conf.j2", "vm.swappiness = 1\n", []),
        ("etc/sysctl.d/.gitkeep", "", []),
        ("etc/sysctl.d/90-net", "net.ipv4.ip_forward = 1\n", []),
        ("etc/sysctl.d/90.conf", "vm.overcommit_memory = 1\n", []),
        ("etc/logrotate.d/web", "MemoryMax=1\n", []),
    ],
)
def test_a_file_whose_name_keeps_it_from_being_read_is_found(path: str, text: str, found: list[tuple[int, str]]) -> None:
    report = lint_raw([Document(path, text)], NoSources(), select=["name-not-read"])
    assert [(one.at.line, one.help) for one in report.findings] == found


@pytest.mark.parametrize(
    ("version", "line", "kinds"),
    [
        ("v1", "memory: 1Gi", ["place"]),
        ("v1", "limits: {memory: 1Gi}", ["place"]),
        ("v1", "resource: {limits: {memory: 1Gi}}", ["key"]),
        ("v1", "Resources: {limits: {memory: 1Gi}}", ["key"]),
        ("v1", "resources: {limits: {memory: 1Gi}}", []),
        ("v1", "resizePolicy: []", []),
        ("serving.example.com/v1", "memory: 1Gi", []),
    ],
)
def test_what_stands_in_a_container_and_belongs_into_its_resources_is_noted(version: str, line: str, kinds: list[str]) -> None:
    template = f"{{containers: [{{name: a, image: x, {line}}}]}}"
    text = f"apiVersion: {version}\nkind: Service\nmetadata: {{name: x}}\nspec: {{template: {{spec: {template}}}}}\n"
    assert [one.kind for one in read("kubernetes", {"k8s/x.yaml": text}).entries if one.fault] == kinds


KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"


@pytest.mark.parametrize(
    ("path", "text", "faulty"),
    [
        ("kubelet.yaml", "evictionSoft: {memory.available: 1Gi}\n", ["evictionSoft"]),
        ("kubelet.yaml", "evictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {nodefs.available: 1m}\n", ["evictionSoft"]),
        ("kubelet.yaml", "evictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {memory.available: 1m}\n", []),
        ("etc/kubernetes/kubelet.conf.d/9.conf", "evictionSoft: {memory.available: 1Gi}\n", []),
        ("patches/kubelet.yaml", "evictionSoft: {memory.available: 1Gi}\n", []),
        ("kubelet.yaml", "enforceNodeAllocatable: [pods, system-reserved]\n", ["enforceNodeAllocatable"]),
        ("kubeadm/kubeletconfiguration0+merge.yaml", "enforceNodeAllocatable: [pods, system-reserved]\n", []),
        ("kubelet.yaml", "memorySwap: {swapBehavior: UnlimitedSwap}\n", ["memorySwap.swapBehavior"]),
        ("kubelet.yaml", "memorySwap: {swapBehavior: limited}\n", ["memorySwap.swapBehavior"]),
        ("kubelet.yaml", "memorySwap: {swapBehavior: LimitedSwap}\n", []),
        ("kubelet.yaml", "memorySwap: {swapBehavior: '{{ swap }}'}\n", []),
    ],
)
def test_the_kubelet_does_not_start_with_what_it_refuses_unless_another_file_may_say_the_rest(
    path: str, text: str, faulty: list[str]
) -> None:
    assert [one.key for one in read("kubelet", {path: KUBELET + text}).entries if one.fault] == faulty
