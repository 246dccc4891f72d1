"""Real files that nobody here wrote: every reader survives them and counts what their index counts, and agrees with their consumers."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oomconf import dialects, kubelet
from oomconf.dialect import Document, Mapped, Reading
from oomconf.placement import KubernetesContainer
from oomconf.policy import Setting, Workload, size_of
from oomconf.quantity import INFINITY, SizeError
from oomconf.quantity import kubernetes as quantities


def rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        yield from reader


def read(name: str, path: str, files: dict[str, str]) -> Reading:
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.read is not None
    return dialect.read([Document(path, files[path])], Mapped(files))


def workloads(reading: Reading) -> list[Workload]:
    return [workload for policy in reading.policies for workload in policy.workloads]


def test_kubernetes_manifests_hold_the_containers_that_their_index_counts(corpus: Path) -> None:
    differing = []
    for name, *_, containers, requests, limits, _ in rows(corpus / "k8s/INDEX.tsv"):
        found = workloads(read("kubernetes", name, {name: (corpus / "k8s" / name).read_text("utf-8", "replace")}))
        counted = (len(found), sum(one.memory_request is not None for one in found), sum(one.memory_max is not None for one in found))
        if counted != (int(containers), int(requests), int(limits)) and "skipped-kinds" not in name:
            differing.append((name, counted, (containers, requests, limits)))
    assert not differing


def test_quantities_are_what_the_api_server_makes_of_them(corpus: Path) -> None:
    differing = []
    for text, valid, size, *_ in rows(corpus / "k8s/quantity-cases.tsv"):
        try:
            made = quantities.quantity(json.loads(text))
        except SizeError:
            made = None
        wraps = made is not None and made.overflow
        if (made is not None) != (valid == "1") or (made is not None and not wraps and str(made.bytes) != size):
            differing.append((text, valid, size, made))
    assert not differing


def test_pods_get_the_class_and_the_score_that_kubernetes_own_code_gives_them(corpus: Path) -> None:
    tried = 0
    for case in json.loads((corpus / "k8s/pod-cases.json").read_text("utf-8")):
        spec = "".join(f"  {line}\n" for line in case["spec"].splitlines())
        found = workloads(read("kubernetes", "p.yaml", {"p.yaml": f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}"}))
        if "overhead" in spec or "pod-level" in case["name"] or "not resolved" in case["name"]:
            continue  # what the policy does not carry: tests/test_kubelet.py has them
        pod = kubelet.Pod(containers=tuple(container(one) for one in found), priority_class=place(found[0]).priority_class)
        scores = {
            f"{'' if one.kind == 'container' else 'init:'}{one.name}": kubelet.oom_score_adj(pod, one, case["capacity"])
            for one in pod.containers
        }
        assert (kubelet.qos(pod), scores) == (case["qos"], case["oomScoreAdj"]), case["name"]
        assert kubelet.effective_request(pod) == case["podRequestMemory"], case["name"]
        assert kubelet.effective_limit(pod) == case["podLimitMemory"], case["name"]
        tried += 1
    assert tried > 30


def place(workload: Workload) -> KubernetesContainer:
    assert isinstance(workload.placement, KubernetesContainer)
    return workload.placement


def container(workload: Workload) -> kubelet.Container:
    def value(setting: Setting[int] | None) -> int | None:
        return None if setting is None else setting.value

    return kubelet.Container(
        name=place(workload).container,
        request_memory=value(workload.memory_request),
        limit_memory=size_of(workload.memory_max),
        request_cpu_milli=value(workload.cpu_request),
        limit_cpu_milli=value(workload.cpu_limit),
        kind=place(workload).role,
    )


@pytest.mark.live("compose")
def test_compose_files_have_the_limits_that_the_compose_binary_sees(corpus: Path) -> None:
    folder = corpus / "compose"
    files = {str(path.relative_to(folder)): path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file()}
    compared = 0
    for name, *_, verdict in rows(folder / "INDEX.tsv"):
        found = {one.placement.identities[0].rpartition(":")[2]: one for one in workloads(read("compose", name, files))}
        if verdict != "ok":
            continue
        for service, seen in configured(folder / name).items():
            resources = seen.get("deploy", {}).get("resources", {})
            most = resources.get("limits", {}).get("memory") or seen.get("mem_limit")
            least = resources.get("reservations", {}).get("memory") or seen.get("mem_reservation")
            assert size_of(found[service].memory_max) == (None if most is None else int(most)), (name, service)
            assert size_of(found[service].memory_low) == (None if least is None else int(least)), (name, service)
            assert swap_total(found[service]) == (None if "memswap_limit" not in seen else int(seen["memswap_limit"])), (name, service)
            assert tmpfs_sizes(found[service]) == seen_sizes(seen), (name, service)
            score = found[service].oom_score_adj
            assert (None if score is None else score.value) == seen.get("oom_score_adj"), (name, service)
            compared += 1
    assert compared > 100


def swap_total(workload: Workload) -> int | None:
    swap, limit = size_of(workload.memory_swap_max), size_of(workload.memory_max)
    return None if swap is None else -1 if swap >= INFINITY else swap + (limit or 0)


def tmpfs_sizes(workload: Workload) -> list[int]:
    return sorted(size for one in workload.tmpfs if (size := size_of(one.size)) is not None)


def seen_sizes(service: dict) -> list[int]:  # type: ignore[type-arg]
    sizes = [service["shm_size"]] if "shm_size" in service else []
    sizes += [one["tmpfs"]["size"] for one in service.get("volumes", []) if one["type"] == "tmpfs" and one.get("tmpfs", {}).get("size")]
    return sorted(int(size) for size in sizes)


def configured(path: Path) -> dict[str, dict]:  # type: ignore[type-arg]
    binary = Path(sys.executable).parent / "docker-compose"
    command = [str(binary), "-f", str(path), "config", "--format", "json", "--no-path-resolution"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    services: dict[str, dict] = json.loads(done.stdout)["services"]  # type: ignore[type-arg]
    return services
