"""Specs rendered, imported, and rendered again: what is in force is the same, or it is listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import generated
import pytest
from hypothesis import given, settings

from oomconf.api import import_spec, load, render
from oomconf.dialect import Document, Mapped, NoSources, Rendered
from oomconf.dialects import kubelet
from oomconf.importer import Imported
from oomconf.loader import load_spec
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Kubelet, LimitRange, Oomd, Policy, ResourceQuota, Setting
from oomconf.renderer import Output
from oomconf.repository import read
from oomconf.spec.policies import policies
from oomconf.templating import Templates

EXAMPLES = Path(__file__).parent.parent / "examples"
SPECS = sorted(EXAMPLES.rglob("oomconf.yaml"))


def said(thing: object, names: Iterator[str] | tuple[str, ...]) -> Iterator[tuple[str, Setting[Any]]]:
    for name in names:
        one = getattr(thing, name)
        if isinstance(one, Setting) and one.value is not None:
            yield name, one


def in_force(policies: tuple[Policy, ...]) -> dict[tuple[str, str], Setting[Any]]:
    """Every value by what it is of and its word."""
    found: dict[tuple[str, str], Setting[Any]] = {}
    for policy in policies:
        found |= {("sysctl", key): one for key, one in policy.sysctls.items()}
        for plan, kind in ((policy.kubelet, Kubelet), (policy.oomd, Oomd)):
            names = tuple(one.name for one in fields(kind))
            found |= {(kind.__name__, name): one for name, one in ([] if plan is None else said(plan, names))}
        if policy.kubelet is not None:
            found |= {("signal", key): one for key, one in policy.kubelet.signals.items()}
        for group in policy.groups:
            found |= {(group.object, name): one for name, one in said(group, GROUP_FIELDS)}
            for part, kinds in ((group.limit_range, LimitRange), (group.resource_quota, ResourceQuota)):
                names = tuple(one.name for one in fields(kinds))
                found |= {(f"{group.object} {kinds.__name__}", name): one for name, one in ([] if part is None else said(part, names))}
        for workload in policy.workloads:
            found |= {
                (workload.placement.identities[0].rpartition("/compose/")[2], name): one for name, one in said(workload, WORKLOAD_FIELDS)
            }
    return found


def policies_of(documents: list[Document]) -> tuple[Policy, ...]:
    sources = Mapped({one.path: one.text for one in documents})
    return tuple(policy for fleet, _ in read(documents, sources).fleets for policy in fleet.policies)


def documents_of(output: Output, bases: Path) -> list[Document]:
    """What a render writes, with the compose files that its overrides are for beside them."""
    made = [Document(one.path, one.text) for one in output.artifacts if not one.path.endswith((".args", ".update.sh", ".systemd-run.sh"))]
    for one in output.artifacts:
        if ".oomconf." in one.path and "/compose/" in one.path:
            path = one.path.replace(".oomconf.", ".")
            base = bases / path.partition("/compose/")[2]
            made.append(Document(path, base.read_text("utf-8")))
    return made


def imported(documents: list[Document], folder: Path) -> tuple[Imported, Path]:
    """Write the spec of some documents beside the compose files that it names."""
    made = import_spec(documents, Mapped({one.path: one.text for one in documents}))
    for one in documents:
        if "/compose/" in one.path:
            (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / one.path).write_text(one.text, "utf-8")
    path = folder / "oomconf.yaml"
    path.write_text(made.text, "utf-8")
    return made, path


@pytest.mark.parametrize("spec", SPECS, ids=[path.parent.name for path in SPECS])
def test_what_was_rendered_is_imported_and_rendered_the_same(spec: Path, tmp_path: Path) -> None:
    first = documents_of(render(load(spec)), spec.parent)
    made, path = imported(first, tmp_path)
    second = documents_of(render(load(path)), tmp_path)
    listed = {one.at for one in made.left}
    before, after = in_force(policies_of(first)), in_force(policies_of(second))
    assert len(before) > 3
    lost = {key: (one, after.get(key)) for key, one in before.items() if after.get(key) != one and one.at not in listed}
    assert not lost, made.text


@settings(max_examples=40, deadline=None)
@given(plan=generated.kubelets)
def test_a_kubelet_is_imported_and_rendered_the_same(plan: Kubelet) -> None:
    first = kubelet_of(Policy(name="host", object="hosts.host", kubelet=plan))
    made = import_spec(first, NoSources())
    spec = load_spec(("oomconf.yaml",), Mapped({"oomconf.yaml": made.text}))
    assert spec.spec is not None, made.text
    assert spec.tree is not None
    again = [one for policy in policies(spec.spec, spec.tree, "oomconf.yaml").policies for one in kubelet_of(policy)]
    assert in_force(policies_of(again)) == in_force(policies_of(first))
    assert not made.left


def kubelet_of(policy: Policy) -> list[Document]:
    made = kubelet.render(policy, Rendered(Templates())).artifacts
    return [Document(one.path.removeprefix("root/"), one.text) for one in made]


HOST = {
    "usr/lib/systemd/system/web.service": "[Service]\nExecStart=/usr/bin/web\nMemoryMax=512M\nRestart=on-watchdog\nOOMScoreAdjust=-900\n",
    "etc/systemd/system/web.service.d/10.conf": "[Service]\nMemoryMax=1G\nMemoryHigh=900M\nMemoryLow=512M\nSlice=apps-web.slice\n",
    "etc/systemd/system/web.service.d/90.conf": "[Service]\nMemoryHigh=\nMemoryZSwapMax=1G\nMemorySwapMax=0\nOOMPolicy=kill\n",
    "etc/systemd/system/db@.service": "[Service]\nExecStart=/usr/bin/db\nMemoryMax=4G\nManagedOOMPreference=omit\n",
    "etc/systemd/system/db@one.service.d/x.conf": "[Service]\nMemoryMax=6G\nRestart=always\n",
    "etc/systemd/system/apps.slice": "[Slice]\nMemoryMax=8G\nManagedOOMMemoryPressure=kill\nManagedOOMMemoryPressureLimit=60%\n",
    "etc/systemd/system/machine.slice.d/x.conf": "[Slice]\nMemoryMax=8G\n",
    "etc/systemd/user/agent.service": "[Service]\nExecStart=/usr/bin/agent\nMemoryMax=256M\n",
    "etc/systemd/oomd.conf.d/x.conf": "[OOM]\nSwapUsedLimit=85%\nDefaultMemoryPressureDurationSec=20s\n",
    "etc/sysctl.d/10-a.conf": "vm.swappiness = 10\n-vm.nr_hugepages = 2048\nnet/ipv4/ip_forward = 1\n",
    "etc/sysctl.d/95-b.conf": "vm.swappiness = 5\n",
    "etc/kubernetes/kubelet.conf.d/10.conf": (
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\nfailSwapOn: false\n"
        "systemReserved: {memory: 1Gi, cpu: 500m}\nmemorySwap: {swapBehavior: LimitedSwap}\n"
        "evictionHard: {memory.available: 5%, nodefs.available: 20%, nodefs.inodesFree: 1%, imagefs.available: 15%, imagefs.inodesFree: 1%, pid.available: 5%}\n"
    ),
    "etc/containers/systemd/api.container": (
        "[Container]\nImage=x\nPodmanArgs=--oom-score-adj=300\nMemory=2G\n[Service]\nMemoryMax=3G\nMemorySwapMax=0\nSlice=apps.slice\n"
    ),
    "etc/containers/systemd/job.container": "[Container]\nImage=x\n[Service]\nMemoryHigh=50M\nOOMPolicy=continue\n",
}
SERVICES = {
    "app/compose.yaml": (
        "x-base: &base {restart: always, mem_limit: 1g, memswap_limit: 1g}\nservices:\n  web: {<<: *base, image: x, oom_score_adj: 100}\n"
        "  db: {image: x, deploy: {replicas: 2, resources: {limits: {memory: 2G, cpus: '2'}, reservations: {memory: 1G}}}, cgroup_parent: a.slice}\n"
        "  job: {image: x, extends: {service: web}, restart: on-failure, mem_limit: 64m, memswap_limit: -1}\n"
    ),
    "app/compose.override.yaml": "services:\n  web: {mem_limit: 2g, memswap_limit: 3g}\n",
}


@pytest.mark.parametrize("files", [HOST, SERVICES], ids=["a host", "compose"])
def test_what_is_rendered_changes_nothing_where_it_is_laid_over_what_was_read(files: dict[str, str], tmp_path: Path) -> None:
    first = [Document(path, text) for path, text in files.items()]
    made, path = imported(first, tmp_path)
    for one in first:
        (tmp_path / one.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / one.path).write_text(one.text, "utf-8")
    output = render(load(path))
    over = [
        Document(one.path.removeprefix("host/root/").removeprefix("host/compose/").replace(".oomconf.", ".z."), one.text)
        for one in output.artifacts
        if not one.path.endswith(".systemd-run.sh")
    ]
    before, after = in_force(policies_of(first)), in_force(policies_of([*first, *over]))
    assert len(over) > 5 or files is SERVICES
    listed = {one.at for one in made.left}
    words = {one.what for one in made.left}
    assert not {key for key, one in before.items() if after.get(key) != one and one.at not in listed}
    added = {(what, name) for what, name in after.keys() - before.keys() if f"slices.{what}.{name.replace('_', '.')}" not in words}
    inner = {(what, name) for what, name in added if before.get((what.replace(".service", ".container"), name)) == after[what, name]}
    assert added == inner, made.text
