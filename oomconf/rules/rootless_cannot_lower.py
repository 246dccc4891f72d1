"""Scores that a rootless engine may not set."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Origin, Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import by_user, rootless, score


@rule(on=Workload, severity=Severity.ERROR)
def rootless_cannot_lower(workload: Workload, around: Context) -> Iterator[Problem]:
    """A rootless engine cannot give a container a negative score.

    Lowering oom_score_adj takes CAP_SYS_RESOURCE over the machine, which a user namespace does not give
    (fs/proc/base.c: __set_oom_adj). Docker raises the value in silence to the one it has itself
    (moby: daemon/internal/rootless/specconv); the container looks protected in its configuration and is not. A level that
    comes from `defaults` is not reported.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, docker: {rootless: true}}}
    services:
      api:
        protect: high   ⟵
        docker: {name: api, image: registry.example/api}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, docker: {rootless: true}}}
    services:
      api:
        protect: normal
        docker: {name: api, image: registry.example/api}
    ```

    ```yaml bad compose.yaml docker_rootless=true
    services:
      api:
        image: registry.example/api
        oom_score_adj: -500   ⟵
    ```
    """
    adj, fact = score(workload), rootless(workload, around.facts)
    if adj is None or adj.value is None or adj.value >= 0 or fact is None or by_user(workload):
        return
    if workload.protect is not None and workload.protect.origin is Origin.DEFAULT:
        return
    yield Problem(
        adj.at,
        f"{workload.name} asks for {adj.value} of an engine that runs without root: it is raised in silence",
        f"run it by an engine with root, or leave it at {around.said('normal', '0')} and protect it by limits on the others",
        (Related(fact.at, "the engine is rootless"),),
    )
