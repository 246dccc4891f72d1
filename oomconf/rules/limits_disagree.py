"""Limits that must agree with one another."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def limits_disagree(entry: Entry, around: Context) -> Iterator[Problem]:
    """Two places that limit one thing must agree, or their consumer refuses the file.

    compose compares the two in bytes and takes a limit that is not there for 0 (compose-go: loader/validate.go): `mem_limit: 1g`
    beside limits that only name cpus is refused too, with a message about distinct values. The same holds for mem_reservation.
    A limit in the resources of a pod holds all its containers: one above it, or a request below their sum, is refused (KEP-2837).
    A spec cannot make this mistake: it is rendered in one place.

    ```yaml bad compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 512m   ⟵
        deploy: {resources: {limits: {memory: 1G}}}
    ```

    ```yaml bad compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 512m   ⟵
        deploy:
          resources:
            limits: {cpus: "0.5"}
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:
      resources: {limits: {memory: 512Mi}}
      containers:
        - name: api
          image: registry.example/api
          resources: {limits: {memory: 1Gi}}   ⟵
    ```

    ```yaml good compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 0.5g
        deploy: {resources: {limits: {memory: 512M}}}
    ```
    """
    if entry.kind == "pair":
        yield Problem(entry.at, f"{entry.key} '{entry.value[:40]}' {entry.fault}", entry.hint, object=entry.object)
