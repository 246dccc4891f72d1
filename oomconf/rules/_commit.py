"""What rules about strict overcommit ask of a machine: its commit limit, and where that is said."""

from __future__ import annotations

from oomconf.kernel.overcommit import commit_limit
from oomconf.policy import Setting
from oomconf.quantity import Size
from oomconf.rule import Context
from oomconf.rules._huge_pages import huge_pages

__all__ = ["MODE", "limited"]

MODE = "vm.overcommit_memory"
_STRICT = 2
_DEFAULT_RATIO = 50


def limited(around: Context) -> tuple[Size, Setting[str], str] | None:
    """Give CommitLimit in bytes, the setting to blame and its arithmetic, if strict accounting is said and RAM and swap are known.

    A ratio that is unsaid is the kernel's default of 50; swap that is unknown is unknown.
    """
    ram, swap = around.memory_total, around.swap_total
    if around.sysctl(MODE) != _STRICT or ram is None or ram.value is None or swap is None:
        return None
    kbytes = around.sysctl("vm.overcommit_kbytes") or 0
    ratio = around.sysctl("vm.overcommit_ratio")
    share = _DEFAULT_RATIO if ratio is None else max(ratio, 0)
    huge = huge_pages(around)
    size = commit_limit(memory_total=ram.value, swap_total=swap, ratio=share, kbytes=kbytes, hugetlb=huge.size, page_size=around.page_size)
    name = "vm.overcommit_kbytes" if kbytes else "vm.overcommit_ratio"
    setting = around.policy.sysctls.get(name) or around.policy.sysctls[MODE]
    first = f"{Size(kbytes * 1024)}" if kbytes else f"{share} % of {Size(ram.value - huge.size)}{huge.less}"
    return size, setting, f"{first} and {swap or 'no'} swap"
