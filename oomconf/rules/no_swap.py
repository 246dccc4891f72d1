"""Machines without swap."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.NOTE, needs=("swap_total",))
def no_swap(policy: Policy, around: Context) -> Iterator[Problem]:
    """A machine without swap has no warning before the OOM killer.

    Without swap only file pages can be reclaimed: anonymous memory stays, the page cache of running programs is thrown out
    and read in again (the stall before the kill), and the step from full to killed is short. A small swap keeps cold pages
    away and gives PSI and alerts time to speak (mm/vmscan.c: get_scan_count takes no anonymous pages without swap).
    Kubernetes nodes are passed over, since the kubelet wants no swap by default (`failSwapOn`); so are machines on which
    nothing is limited or promised.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        swap: 0   ⟵
    services:
      api: {systemd: {unit: api.service}, memory: {max: 6G}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        swap: [{file: /swapfile, size: 2G}]
    services:
      api: {systemd: {unit: api.service}, memory: {max: 6G, swap_max: 512M}}
    ```
    """
    swap = policy.facts.swap_total
    if not policy.source or swap is None or swap.value != 0 or policy.kubelet is not None or not around.services:
        return
    yield Problem(
        swap.at, f"{policy.name} has no swap", "add a small one: swap: [{file: /swapfile, size: 2G}], and let limits say swap_max"
    )
