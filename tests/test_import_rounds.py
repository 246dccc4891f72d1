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
