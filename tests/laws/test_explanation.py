"""Laws of explain: limits and protection of any tree of cgroups, against the kernel's own words read naively."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oomconf.explanation.tree import above, limit, protection
from oomconf.quantity import INFINITY
from oomconf.snapshot import Snapshot
from oomconf.snapshot.nouns import CgroupState

Tree = dict[str, dict[str, int]]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree of up to a dozen cgroups in which a parent uses what its children use and something of its own."""
    paths = [""]
    for number in range(draw(st.integers(1, 12))):
        paths.append(f"{draw(st.sampled_from([path for path in paths if path.count('/') < 4]))}/c{number}")
    size = st.sampled_from([0, 4096, 1 << 20, 3 << 20, 64 << 20]) | st.integers(0, 1 << 30)
    tree: Tree = {}
    for path in sorted(paths[1:], key=lambda one: -one.count("/")):
        inner = sum(row["memory.current"] for one, row in tree.items() if one.rpartition("/")[0] == path)
        tree[path] = {
            "memory.current": inner + draw(size),
            "memory.max": draw(size | st.just(INFINITY)),
            "memory.low": draw(size | st.just(INFINITY)),
        }
    return tree


def taken(tree: Tree, systemd: int | None) -> Snapshot:
    return Snapshot(systemd=systemd, cgroup_version=2, cgroups={path: CgroupState(path=path, values=row) for path, row in tree.items()})


@given(trees())
def test_the_limit_is_the_least_on_the_way_up_and_what_is_left_the_least_that_is_free(tree: Tree) -> None:
    for path in tree:
        chain = [tree[one] for one in tree if path == one or path.startswith(f"{one}/")]
        finite = [row["memory.max"] for row in chain if row["memory.max"] < INFINITY]
        found = limit(taken(tree, 252), path, "memory_max")
        assert (found is None) == (not finite)
        if found is not None:
            assert found.value == min(finite)
            assert tree[found.by]["memory.max"] == found.value
            assert found.room == min(max(0, row["memory.max"] - row["memory.current"]) for row in chain if row["memory.max"] < INFINITY)
            assert found.used == tree[path]["memory.current"]


def effective(tree: Tree, path: str, *, recursive: bool) -> int:
    """mm/page_counter.c: effective_protection(), for reclaim that starts at the root."""
    parent = path.rpartition("/")[0]
    row = tree[path]
    if not parent:
        return row["memory.low"]
    parent_effective = effective(tree, parent, recursive=recursive)
    parent_usage = tree[parent]["memory.current"]
    siblings = [one for name, one in tree.items() if name.rpartition("/")[0] == parent]
    siblings_protected = sum(min(one["memory.current"], one["memory.low"]) for one in siblings)
    usage = row["memory.current"]
    protected = min(usage, row["memory.low"])
    if siblings_protected > parent_effective:
        return protected * parent_effective // siblings_protected
    found = protected
    if recursive and parent_effective > siblings_protected and parent_usage > siblings_protected and usage > protected:
        unclaimed = (parent_effective - siblings_protected) * (usage - protected)
        found += unclaimed // (parent_usage - siblings_protected)
    return found


@given(trees(), st.sampled_from([None, 245, 252]))
def test_protection_is_what_the_kernel_would_leave(tree: Tree, systemd: int | None) -> None:
    for path in tree:
        found: Any = protection(taken(tree, systemd), path, "memory_low")
        assert found.value == min(INFINITY, effective(tree, path, recursive=systemd == 252))
        claim = min(tree[path]["memory.current"], tree[path]["memory.low"])
        if found.value < claim:
            assert found.by in list(above(path))[1:]
