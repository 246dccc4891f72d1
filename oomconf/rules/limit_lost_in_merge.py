"""Limits that a merge key loses."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def limit_lost_in_merge(entry: Entry, around: Context) -> Iterator[Problem]:
    """A service with its own deploy loses the limit of the anchor that it merges.

    YAML's `<<` is shallow: a key of the service replaces the anchor's whole value, so a `deploy` that only says replicas has no
    resources any more, and no limit. `extends` merges deep. A spec cannot make this mistake: it merges files itself, and deep.

    ```yaml bad compose.yaml
    x-base: &base
      deploy: {resources: {limits: {memory: 512M}}}
    services:
      api:
        <<: *base
        image: registry.example/api
        deploy: {replicas: 2}   ⟵
    ```

    ```yaml good compose.yaml
    x-base: &base
      deploy: {resources: {limits: {memory: 512M}}}
    services:
      api:
        <<: *base
        image: registry.example/api
    ```
    """
    if entry.dialect == "compose" and entry.section == "merge":
        yield Problem(
            entry.at,
            f"deploy of {entry.object} replaces the anchor's, and its limit of {entry.value[:40]} is gone",
            "repeat the limit here, merge inside of deploy, or use extends",
            object=entry.object,
        )
