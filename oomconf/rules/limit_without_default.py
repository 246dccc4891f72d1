"""Limits that are nothing until an environment says them."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.NOTE)
def limit_without_default(entry: Entry, around: Context) -> Iterator[Problem]:
    """A variable that nobody sets is an empty limit to compose, which then refuses the file.

    Compose takes variables from its environment and from `.env` beside the file. Without a value it warns, puts in nothing, and
    fails with "invalid size: ''": of all services, not of this one alone. A default, as in `${WEB_LIMIT:-512m}`, keeps the file usable;
    `${WEB_LIMIT:?}` stops with the variable's name. Silent where `.env`, or a sample of it such as `.env.example`, says the variable.
    A spec cannot make this mistake: its values stand in it.

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: ${WEB_LIMIT}   ⟵
      api:
        image: registry.example/api
        mem_limit: ${API_LIMIT:-}   ⟵
      db:
        image: registry.example/db
        mem_limit: ${DB_LIMIT}   ⟵
    ```

    ```text with .env
    DB_LIMIT=
    ```

    ```yaml good compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: ${WEB_LIMIT:-512m}
      api:
        image: registry.example/api
        mem_limit: ${API_LIMIT:?}
    ```

    ```yaml good compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: ${WEB_LIMIT}
    ```

    ```text with .env.example
    WEB_LIMIT=
    ```
    """
    if entry.dialect == "compose" and entry.section == "unset":
        yield Problem(
            entry.at,
            f"{entry.key} is empty where the environment does not set {entry.value}, and compose refuses the file",
            f"write a default such as ${{{entry.value}:-512m}}, or ${{{entry.value}:?}}",
            object=entry.object,
        )
