"""Requests to ignore what is not found."""

from oomconf.rule import Severity, page_only

unused_ignore = page_only(
    "unused-ignore",
    Severity.NOTE,
    """An ignore that silences nothing should go.

    What it once accepted was mended, or it never spoke of the line it was meant for: a comment alone on a line speaks of the
    next line that says something, one behind a value of its own line. Left in place it would silence the next mistake there.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        # oomconf: ignore[unused-ignore] shown here only   ⟵
        memory: {max: 4G}
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 4G}
        systemd: {unit: api.service}
    ```
    """,
)
