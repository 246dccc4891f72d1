"""Requests to ignore that do not say why."""

from oomconf.rule import Severity, page_only

ignore_without_reason = page_only(
    "ignore-without-reason",
    Severity.ERROR,
    """An ignore needs its reason, or it silences nothing.

    Whoever reads the file in a year must know why a finding was accepted. In a comment the reason stands behind the bracket,
    in `lint.ignore` it is the key `reason`.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        # oomconf: ignore[limit-above-ram]   ⟵
        memory: {max: 9G}
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        # oomconf: ignore[limit-above-ram] the machine is doubled next week
        memory: {max: 9G}
        systemd: {unit: api.service}
    ```
    """,
)
