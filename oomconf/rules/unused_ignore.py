"""Requests to ignore what is not found."""

from oomconf.rule import Severity, page_only

unused_ignore = page_only(
    "unused-ignore",
    Severity.NOTE,
    """An ignore that silences nothing should go.

    What it once accepted was mended, or it never spoke of the line it was meant for: a comment alone on a line speaks of the
    next line that says something, one behind a value of its own line. Left in place it would silence the next mistake there.
    One that names no rule, or a rule that there is not, accepts nothing from the start: what it was meant for is still reported.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        # oomconf: ignore[unused-ignore] shown here only   ⟵
        memory: {max: 4G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    # oomconf: ignore[ignored-vlaue] the build is patched   ⟵
    MemoryMax=1G
    # oomconf: ignore   ⟵
    MemoryHigh=900M
    # oomconf: ignore[*] all of it   ⟵
    MemorySwapMax=0
    # oomconf: ignored[no-limit] a batch job   ⟵
    # oomconf ignore no-limit a batch job   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    # oomconf ignores what git ignores, and oomconf: ignore[rule-id] is how a finding is accepted
    # oomconf: checked in CI, ignored files aside
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=1G
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
