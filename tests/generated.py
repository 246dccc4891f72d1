"""Policies drawn over the whole range of values, for the laws and for the real consumers."""

from __future__ import annotations

from hypothesis import strategies as st

from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer, Placement, QuadletUnit
from oomconf.policy import Facts, Group, Kubelet, LimitRange, Policy, ResourceQuota, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size

PAGE = 4096
finite = st.one_of(st.integers(2, 1 << 38), st.sampled_from([1 << 8, 1 << 18, 1 << 28])).map(lambda pages: Size(pages * PAGE))
limits = st.one_of(finite, st.just(INFINITY))
promises = st.one_of(st.just(Size(0)), finite)
swaps = st.one_of(st.just(Size(0)), finite, st.just(INFINITY))
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)


def maybe(values):  # type: ignore[no-untyped-def]
    return st.one_of(st.none(), values.map(Setting))


SAID = {
    "memory_min": maybe(promises),
    "memory_low": maybe(promises),
    "memory_high": maybe(limits),
    "memory_max": maybe(limits),
    "memory_swap_max": maybe(swaps),
    "oom_score_adj": maybe(st.integers(-1000, 1000)),
    "oom_policy": maybe(st.sampled_from(["continue", "stop", "kill"])),
    "restart": maybe(st.sampled_from(["no", "on-failure", "on-abnormal", "always"])),
    "slice": maybe(st.sampled_from(["a.slice", "a-b.slice", "database.slice"])),
    "managed_oom_preference": maybe(st.sampled_from(["none", "avoid", "omit"])),
}


@st.composite
def workloads(draw, placement: Placement, name: str = "w", **more) -> Workload:  # type: ignore[no-untyped-def]
    fields = {key: draw(values) for key, values in SAID.items()}
    return Workload(name=name, object=f"services.{name}", placement=placement, **{**fields, **more})


facts = st.builds(
    Facts,
    systemd=maybe(st.sampled_from([245, 252, 257])),
    cgroup_version=maybe(st.sampled_from([1, 2])),
    docker_cgroup_driver=maybe(st.sampled_from(["systemd", "cgroupfs"])),
    docker_rootless=maybe(st.booleans()),
    podman=maybe(st.sampled_from(["4.9", "5.4"])),
)


@st.composite
def docker(draw) -> Policy:  # type: ignore[no-untyped-def]
    options = tuple(draw(st.lists(words, max_size=2)))
    place = DockerContainer(name="api", image="registry.example/api:1", init=draw(st.sampled_from([None, True, False])), command=options)
    return Policy(name="h", object="hosts.h", source="oomconf.yaml", facts=draw(facts), workloads=(draw(workloads(place, "api")),))


@st.composite
def compose(draw) -> Policy:  # type: ignore[no-untyped-def]
    made = [draw(workloads(ComposeService(file="deploy/compose.yaml", service=name), name)) for name in ("web", "cache", "db", "gpu")]
    return Policy(name="h", object="hosts.h", source="oomconf.yaml", facts=draw(facts), workloads=tuple(made))


@st.composite
def quadlet(draw) -> Policy:  # type: ignore[no-untyped-def]
    place = QuadletUnit(unit="api.container", user=draw(st.booleans()))
    return Policy(name="h", object="hosts.h", source="oomconf.yaml", facts=draw(facts), workloads=(draw(workloads(place, "api")),))


@st.composite
def kubernetes(draw) -> Policy:  # type: ignore[no-untyped-def]
    kinds = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet", "ReplicationController"]
    made: list[Workload] = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True)):
        for role, name in draw(
            st.lists(
                st.sampled_from([("container", "a"), ("container", "b"), ("init", "i"), ("sidecar", "s")]),
                min_size=1,
                max_size=3,
                unique=True,
            )
        ):
            place = KubernetesContainer(kind=kind, name="api", namespace=draw(st.sampled_from([None, "prod"])), container=name, role=role)
            more = {
                "memory_request": draw(maybe(promises)),
                "cpu_request": draw(maybe(st.integers(1, 64_000))),
                "cpu_limit": draw(maybe(st.integers(1, 64_000))),
            }
            made.append(draw(workloads(place, f"{kind.lower()}-{name}", **more)))
    sizes = maybe(finite)
    group = Group(
        name="prod",
        kind="namespace",
        object="namespaces.prod",
        limit_range=draw(st.one_of(st.none(), st.builds(LimitRange, default_request=sizes, default=sizes, min=sizes, max=sizes))),
        resource_quota=draw(
            st.one_of(st.none(), st.builds(ResourceQuota, requests_memory=sizes, limits_memory=sizes, pods=maybe(st.integers(0, 10_000))))
        ),
    )
    return Policy(name="kubernetes", object="kubernetes", source="oomconf.yaml", scope="cluster", workloads=tuple(made), groups=(group,))


kubelets = st.builds(
    Kubelet,
    version=maybe(st.sampled_from(["1.30", "1.36"])),
    system_reserved=maybe(finite),
    kube_reserved=maybe(finite),
    eviction_hard=maybe(st.one_of(finite, st.integers(1, 9999).map(Percent))),
    signals=st.dictionaries(st.sampled_from(["nodefs.available", "pid.available"]), st.sampled_from(["20%", "1Gi", "5"]).map(Setting)),
    fail_swap_on=maybe(st.booleans()),
    swap_behavior=maybe(st.sampled_from(["NoSwap", "LimitedSwap"])),
    single_process_oom_kill=maybe(st.booleans()),
    max_pods=maybe(st.integers(1, 1000)),
)
BASE = """\
services:
  web:
    image: registry.example/web
    deploy: {resources: {limits: {cpus: "2"}}}
  cache:
    image: registry.example/cache
    mem_limit: 64m
    environment: [A=1]
  db:
    image: registry.example/db
    mem_limit: 64m
    deploy: {resources: {limits: {memory: 64M}}}
  gpu:
    image: registry.example/gpu
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]
"""
