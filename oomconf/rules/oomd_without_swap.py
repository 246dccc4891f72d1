"""systemd-oomd waiting for swap that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Group
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Group, severity=Severity.WARNING, needs=("swap_total",))
def oomd_without_swap(group: Group, around: Context) -> Iterator[Problem]:
    """ManagedOOMSwap=kill never acts on a machine without swap.

    systemd-oomd kills by swap when both the memory and the swap in use exceed SwapUsedLimit=, and takes those who hold more
    than 5 % of the swap (src/oom/oomd-manager.c). Without swap there is nothing in use: the slice looks guarded and is not,
    and the kernel's killer comes as late as ever. Silent where the slice is watched for memory pressure as well, and on what a
    package ships below /usr/lib, as Debian 12 does for -.slice.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    slices:
      work.slice:
        managed_oom: {swap: kill}   ⟵
    services:
      api: {slice: work.slice, systemd: {unit: api.service}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    slices:
      work.slice:
        managed_oom: {memory_pressure: kill}
    services:
      api: {slice: work.slice, systemd: {unit: api.service}}
    ```

    ```ini bad etc/systemd/system/work.slice swap_total=0
    [Slice]
    ManagedOOMSwap=kill   ⟵
    ```

    ```ini good usr/lib/systemd/system/-.slice.d/10-oomd-root-slice-defaults.conf swap_total=0
    [Slice]
    ManagedOOMSwap=kill
    ```
    """
    said, pressure, swap = group.managed_oom_swap, group.managed_oom_memory_pressure, around.facts.swap_total
    if said is None or said.value != "kill" or swap is None or swap.value != 0:
        return
    if (pressure is not None and pressure.value == "kill") or "lib/systemd/" in said.at.path:
        return
    yield Problem(
        said.at,
        f"systemd-oomd is to kill in {group.name} when swap runs full, but the machine has none",
        "say memory_pressure: kill (ManagedOOMMemoryPressure=kill), or give the machine swap",
        (Related(swap.at, "there is no swap"),),
    )
