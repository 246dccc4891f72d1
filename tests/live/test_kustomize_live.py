"""What kustomizations build, as our reader and as kustomize see it: the memory of every container of whole generated trees."""

from __future__ import annotations

import json
from typing import Any

import pytest
from consumers import Refused, kubernetes
from hypothesis import given, settings
from hypothesis import strategies as st

from oomconf.dialect import Document
from oomconf.dialects.kubernetes.kustomize import builds
from oomconf.dialects.kubernetes.nodes import inside, text
from oomconf.dialects.kubernetes.pods import pods

Found = dict[tuple[str, str, str, str], tuple[str, str]]

sizes = st.sampled_from(["64Mi", "128Mi", "1Gi", "2Gi"])
names = st.sampled_from(["api", "web"])
containers = st.sampled_from(["app", "proxy"])
resources = st.fixed_dictionaries(
    {}, optional={"limits": st.fixed_dictionaries({"memory": sizes}), "requests": st.fixed_dictionaries({"memory": sizes})}
)
kinds = st.sampled_from(["Deployment", "StatefulSet"])


def workload(kind: str, name: str, items: list[dict[str, Any]], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": {"template": {"spec": {"containers": items}}},
    }


@st.composite
def bases(draw: st.DrawFn) -> dict[str, Any]:
    """Objects with names that differ, each with one or two containers."""
    found = {}
    for kind, name in draw(st.lists(st.tuples(kinds, names), min_size=1, max_size=3, unique=True)):
        own = draw(st.lists(containers, min_size=1, max_size=2, unique=True))
        items = [{"name": one, "image": "x", "resources": draw(resources)} for one in own]
        labels = draw(st.sampled_from([{}, {"tier": "back"}, {"tier": "front", "team": "a"}]))
        found[f"{kind}-{name}.json".lower()] = workload(kind, name, items, labels=labels)
    return found


@st.composite
def patches(draw: st.DrawFn, things: list[dict[str, Any]]) -> dict[str, Any]:
    thing = draw(st.sampled_from(things))
    kind, name = thing["kind"], thing["metadata"]["name"]
    items = thing["spec"]["template"]["spec"]["containers"]
    one = draw(st.sampled_from(items))["name"]
    sort = draw(st.sampled_from(["strategic", "null", "delete", "replace", "remove-object", "operations", "target", "labels"]))
    way = f"/spec/template/spec/containers/{draw(st.integers(0, len(items) - 1))}/resources"
    change: Any = workload(kind, name, [{"name": one, "resources": draw(resources)}])
    if sort == "null":
        change = workload(kind, name, [{"name": one, "resources": {"limits": None}}])
    elif sort == "delete":
        change = workload(kind, name, [{"name": one, "$patch": "delete"}, {"name": "late", "image": "y"}])
    elif sort == "replace":
        change = workload(kind, name, [{"$patch": "replace"}, {"name": one, "image": "z", "resources": draw(resources)}])
    elif sort == "remove-object" and len(things) > 1:
        change = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "$patch": "delete"}
        things.remove(thing)
    elif sort == "operations":
        change = [{"op": "add", "path": way, "value": {"limits": {"memory": draw(sizes)}}}]
        change += draw(st.sampled_from([[], [{"op": "replace", "path": f"{way}/limits/memory", "value": draw(sizes)}]]))
        change += draw(st.sampled_from([[], [{"op": "remove", "path": f"{way}/limits"}], [{"op": "test", "path": "/kind", "value": kind}]]))
    target: dict[str, Any] = {"kind": kind, "name": name}
    if sort == "target":
        target = draw(st.sampled_from([{"kind": kind}, {"name": "a.*|w.*"}, {"kind": kind, "name": name}, {"name": ".*"}]))
        change = workload(kind, "any", [{"name": one, "resources": draw(resources)}])
    elif sort == "labels":
        target = {"labelSelector": draw(st.sampled_from(["tier=back", "tier!=back", "tier", "!tier", "tier=front,team=a"]))}
    elif sort != "operations" and draw(st.booleans()):
        return {"patch": json.dumps(change, indent=1)}
    return {"patch": json.dumps(change, indent=draw(st.sampled_from([None, 1]))), "target": target}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, str]:
    base = draw(bases())
    things = list(base.values())
    files = {f"base/{name}": json.dumps(value) for name, value in base.items()}
    inner: dict[str, Any] = {"resources": sorted(base), "patches": draw(st.lists(patches(things), max_size=1))}
    component = {
        "kind": "Component",
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "patches": draw(st.lists(patches(things), max_size=1)),
    }
    outer: dict[str, Any] = {"resources": ["../base"], "patches": draw(st.lists(patches(things), max_size=2))}
    for one in (inner, outer):
        one.update(
            draw(
                st.fixed_dictionaries({}, optional={"namespace": st.just("prod"), "namePrefix": st.just("x-"), "nameSuffix": st.just("-y")})
            )
        )
    if draw(st.booleans()):
        outer["components"] = ["../component"]
    if draw(st.booleans()) and outer["patches"] and "target" not in outer["patches"][0]:
        files["top/change.yaml"] = outer["patches"].pop(0)["patch"]
        outer["patches"].insert(0, {"path": "change.yaml"})
    files |= {"base/kustomization.yaml": json.dumps(inner), "component/kustomization.yaml": json.dumps(component)}
    return {**files, "top/kustomization.yaml": json.dumps(outer)}


def theirs(files: dict[str, str]) -> Found:
    found: Found = {}
    for thing in kubernetes.kustomize(files, "top"):
        metadata = thing["metadata"]
        for one in thing["spec"]["template"]["spec"].get("containers") or ():
            amounts = one.get("resources") or {}
            limit, request = ((amounts.get(way) or {}).get("memory", "") for way in ("limits", "requests"))
            found[thing["kind"], metadata.get("namespace", ""), metadata["name"], one["name"]] = limit, request
    return found


def ours(files: dict[str, str]) -> Found:
    (build,) = [one for one in builds([Document(path, text) for path, text in files.items()]).found if one.folder == "top"]
    found: Found = {}
    for thing in build.objects:
        kind = text(thing.get("kind"))
        for pod in pods(thing, kind):
            for one in pod.spec["containers"]:
                limit, request = (text(inside(one, "resources", way, "memory")) for way in ("limits", "requests"))
                name, namespace = (text(inside(thing, "metadata", key)) for key in ("name", "namespace"))
                found[kind, namespace, name, text(inside(one, "name"))] = limit, request
    return found


@pytest.mark.live("kubernetes")
@settings(max_examples=60)
@given(trees())
def test_every_container_has_the_memory_that_kustomize_gives_it(files: dict[str, str]) -> None:
    try:
        expected = theirs(files)
    except Refused:
        return  # a patch that does not fit ends its build: there is nothing to compare
    assert ours(files) == expected
