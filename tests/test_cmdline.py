"""The kernel's command line, as boot loaders keep it."""

from __future__ import annotations

import pytest

from oomconf.dialect import Document, NoSources
from oomconf.dialects.cmdline import read

GRUB = "etc/default/grub"
CASES = [
    (GRUB, 'GRUB_CMDLINE_LINUX="quiet cgroup_disable=memory"\n', [(1, 27)]),
    (GRUB, "GRUB_CMDLINE_LINUX=cgroup_disable=memory\n", [(1, 20)]),
    (GRUB, 'GRUB_CMDLINE_LINUX_DEFAULT="cgroup_disable=cpu,memory" # no\n', [(1, 29)]),
    (GRUB, 'GRUB_CMDLINE_LINUX="cgroup_disable=memory"\nGRUB_CMDLINE_LINUX="quiet"\n', []),
    (GRUB, 'GRUB_CMDLINE_LINUX="cgroup_disable=memory"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX quiet"\n', [(1, 21)]),
    (GRUB, 'GRUB_TITLE="cgroup_disable=memory"\n', []),
    ("etc/kernel/cmdline", "root=/dev/sda1 cgroup_disable=memory\n", [(1, 16)]),
    ("boot/loader/entries/a.conf", "title a\noptions root=/dev/sda1 cgroup_disable=memory\n", [(2, 24)]),
    ("boot/loader/entries/a.conf", "title cgroup_disable=memory\n", []),
    ("boot/cmdline.txt", "cgroup_enable=memory cgroup_disable=memory\n", []),
]  # fmt: skip
HUGE = [
    ("hugepages=9000", "9000"),
    ("hugepagesz=2M hugepages=100 hugepagesz=1G hugepages=4", "100"),
    ("hugepages=100 hugepagesz=2M", "100"),
    ("default_hugepagesz=1G hugepages=4", None),
    ("hugepages=0:4,1:4", None),
]


@pytest.mark.parametrize(("path", "text", "places"), CASES)
def test_a_word_counts_where_the_kernel_gets_it(path: str, text: str, places: list[tuple[int, int]]) -> None:
    found = read([Document(path, text)], NoSources())
    assert [(entry.at.line, entry.at.column) for entry in found.entries] == places


@pytest.mark.parametrize(("line", "count"), HUGE)
def test_huge_pages_are_counted_where_they_have_2m(line: str, count: str | None) -> None:
    said = [policy.sysctls["vm.nr_hugepages"].value for policy in read([Document("etc/kernel/cmdline", line)], NoSources()).policies]
    assert said == ([] if count is None else [count])
