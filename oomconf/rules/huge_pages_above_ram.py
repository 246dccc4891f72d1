"""Huge pages that take the whole machine."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.quantity import PAGE_SIZE, Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._huge_pages import NAME, SIZE


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total",))
def huge_pages_above_ram(policy: Policy, around: Context) -> Iterator[Problem]:
    """vm.nr_hugepages asks for as much RAM as the machine has, and leaves nothing for anything else.

    The kernel takes the pages out of general use at once, used or not, as many as it can get (Documentation/admin-guide/mm/
    hugetlbpage.rst); nothing but programs that map huge pages can have them back, and the OOM killer does not count them. What is
    left decides whether the machine boots. A page has 2M here; the rules that hold limits against RAM count what huge pages leave.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl:
          set:
            vm.nr_hugepages: 9000   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl: {set: {vm.nr_hugepages: 2048}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf memory_total=17179869184
    vm.nr_hugepages = 9000   ⟵
    ```
    """
    count, ram = around.sysctl(NAME) or 0, around.memory_total
    if around.page_size != PAGE_SIZE or ram is None or ram.value is None:
        return
    reserve = around.facts.reserved
    kept = 0 if reserve is None or reserve.value is None else int(reserve.value)
    if count * SIZE + kept >= ram.value and count > 0:
        beside = f", {Size(kept)} of which is reserved" if kept else ""
        yield Problem(
            policy.sysctls[NAME].at,
            f"{count} huge pages of 2M are {Size(count * SIZE)}, and {policy.name} has {ram.value} of RAM{beside}",
            "ask for as many as the programs that use them need: one for each 2M",
            (Related(ram.at, "RAM is declared here"),),
        )
