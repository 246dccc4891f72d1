"""Values that a target cannot say exactly."""

from oomconf.rule import Severity, page_only

not_expressible = page_only(
    "not-expressible",
    Severity.NOTE,
    """A value of the spec reaches its target only roughly, or not at all.

    Docker has no memory.high, pods have no `oom_score_adj`, an old systemd lacks a directive, a share of a nominal RAM size is
    not exact. Every render enters each value in its ledger; each cell that is not exact is this finding. Accept it with a
    reason, or place the service where the value can be said. With `render --strict` it is an error.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, docker: {version: "28", cgroup_driver: cgroupfs}}}
    services:
      api:
        memory:
          high: 3G   ⟵
          max: 4G
        docker: {name: api, image: registry.example/api:1}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, systemd: 252}}
    services:
      api:
        memory: {high: 3G, max: 4G}
        systemd: {unit: api.service}
    ```
    """,
)
