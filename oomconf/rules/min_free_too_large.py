"""Reserves of the kernel that eat the machine."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total",))
def min_free_too_large(policy: Policy, around: Context) -> Iterator[Problem]:
    """A vm.min_free_kbytes above a twentieth of RAM brings the killer near.

    What it reserves is kept free for the kernel's own urgent needs: to everybody else the machine is that much smaller, and
    the watermarks grow with it (mm/page_alloc.c: __setup_per_zone_wmarks). Set near RAM it kills at once, at boot. The
    kernel's own choice is at most 256 MiB, and transparent huge pages stop raising it at 5 % of low memory. Below 1024 kB
    the machine can lock up.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        sysctl:
          set:
            vm.min_free_kbytes: 1048576   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        sysctl: {set: {vm.min_free_kbytes: 131072}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf memory_total=8589934592
    vm.min_free_kbytes = 512   ⟵
    ```
    """
    value, ram = around.sysctl("vm.min_free_kbytes"), around.memory_total
    if value is None or ram is None or ram.value is None:
        return
    setting = policy.sysctls["vm.min_free_kbytes"]
    size = Size(value * 1024)
    if size > ram.value // 20 and size > 256 << 20:
        share = f"{100 * size / ram.value:.0f} %"
        yield Problem(
            setting.at,
            f"{size} kept free is {share} of {ram.value}",
            f"say at most {ram.value // 20 // 1024}, a twentieth of RAM, or leave it to the kernel",
            (Related(ram.at, "RAM is declared here"),),
        )
    elif value < 1024:
        yield Problem(
            setting.at, f"{value} kB kept free is less than the kernel needs to reclaim at all", "say 1024 or more, or leave it out"
        )
