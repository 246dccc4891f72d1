"""What rules about RAM ask of huge pages: how much they take from everything else."""

from __future__ import annotations

from typing import Final, NamedTuple

from oomconf.finding import Related
from oomconf.policy import Setting
from oomconf.quantity import PAGE_SIZE, Size
from oomconf.rule import Context

__all__ = ["NAME", "SIZE", "HugePages", "huge_pages"]

NAME: Final = "vm.nr_hugepages"
SIZE: Final = 2 << 20
"""Of one, where ordinary pages have 4K."""


class HugePages(NamedTuple):
    """The RAM that huge pages take, and where they are said."""

    size: Size
    setting: Setting[str] | None

    @property
    def less(self) -> str:
        """The words behind a size that is RAM without them."""
        return f" beside {self.size} of huge pages" if self.size else ""

    @property
    def related(self) -> tuple[Related, ...]:
        return () if self.setting is None or not self.size else (Related(self.setting.at, f"huge pages take {self.size} of it here"),)


def huge_pages(around: Context) -> HugePages:
    """Give what vm.nr_hugepages takes; nothing where it takes all, which has a finding of its own, or their size is not known."""
    count, ram = around.sysctl(NAME) or 0, around.memory_total
    size = Size(count * SIZE)
    if count <= 0 or around.page_size != PAGE_SIZE or ram is None or ram.value is None or size >= ram.value:
        return HugePages(Size(0), None)
    return HugePages(size, around.policy.sysctls[NAME])
