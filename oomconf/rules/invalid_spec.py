"""Specs that say what oomconf cannot take."""

from oomconf.rule import Severity, page_only

invalid_spec = page_only(
    "invalid-spec",
    Severity.ERROR,
    """A spec says something that cannot be rendered.

    Unknown keys, sizes in a spelling that some consumer would read differently, references to hosts or slices that are not
    declared, a service with two placements, sums that cannot be. `oomconf check` finds the same and exits 2; for every verb
    but `lint` such a spec is refused. All problems of all files are told in one run.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 512MB}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 512M}
        systemd: {unit: api.service}
    ```
    """,
)
