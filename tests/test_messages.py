"""The words of findings in raw files: each in the words of its own file, at the place that is meant."""

from __future__ import annotations

import pytest

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped
from oomconf.finding import Finding
from oomconf.policy import Facts, Setting
from oomconf.quantity import Size

G = 1 << 30
FACTS = Facts(memory_total=Setting(Size(8 * G)), swap_total=Setting(Size(4 * G)))


def found(path: str, text: str, rule: str) -> Finding:
    (one,) = lint_raw([Document(path, text)], Mapped({}), FACTS, select=(rule,)).findings
    return one


def service(*lines: str) -> str:
    return "services:\n  a:\n    image: x\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("path", "text", "rule", "message", "help_"),
    [
        ("etc/docker/daemon.json", "{,}", "ignored-value", "daemon.json is no JSON: dockerd does not start", "JSON has no comments"),
        ("x.sh", "docker run -m 4g --memory-swap 1g x\n", "ignored-value", "--memory-swap '1g' is a total of 1G, less than", "write"),
        ("compose.yaml", service("mem_limit: 1Gi"), "ignored-value", "'1Gi' has the suffix 'Gi'", "did you mean 1g?"),
        (
            "compose.yaml",
            service("mem_limit: 2g", "memswap_limit: -1"),
            "swap-unlimited",
            "may fill all 4G of swap",
            "say memswap_limit: equal",
        ),
        ("x.sh", "docker run -m 2g --memory-swap -1 x\n", "swap-unlimited", "may fill all 4G of swap", "say --memory-swap: equal"),
        ("compose.yaml", service("mem_limit: 9g"), "limit-above-ram", "may use 9G", "or leave it out if no limit is meant"),
        ("a.service", "[Service]\nExecStart=/x\nMemoryMax=9G\n", "limit-above-ram", "may use 9G", "or infinity if no limit is meant"),
        (
            "a.service",
            "[Service]\nExecStart=/x\nManagedOOMMemoryPressureLimit=50%\n",
            "pressure-limit-without-kill",
            "does not watch it",
            "say ManagedOOMMemoryPressure=kill beside it",
        ),
        (
            "compose.yaml",
            service("mem_limit: 1g", "memswap_limit: 1g", "mem_swappiness: 0"),
            "deprecated-key",
            "cgroup v1's",
            "remove it: memswap_limit says it",
        ),
    ],
)
def test_a_finding_speaks_the_language_of_its_file(path: str, text: str, rule: str, message: str, help_: str) -> None:
    one = found(path, text, rule)
    assert message in one.message
    assert help_ in one.help


@pytest.mark.parametrize(
    ("path", "text", "columns"),
    [
        ("etc/sysctl.d/9.conf", "  vm.overcomit_memory = 2\n", (3, 22)),
        ("x.sh", "sysctl -w vm.overcomit_memory=2\n", (11, 30)),
    ],
)
def test_a_sysctl_that_no_kernel_has_is_pointed_at_by_its_name(path: str, text: str, columns: tuple[int, int]) -> None:
    at = found(path, text, "unknown-sysctl").at
    assert (at.column, at.end_column) == columns


def test_what_stands_behind_a_number_is_no_part_of_a_sysctl() -> None:
    files = {"etc/sysctl.conf": "vm.swappiness = 60\n", "etc/sysctl.d/9.conf": "vm.swappiness = 10 # low\n"}
    (one,) = lint_raw([Document(*file) for file in files.items()], Mapped({}), select=("sysctl-tools-differ",)).findings
    assert one.message == "vm.swappiness is 10 after a boot, and 60 after sysctl --system"


@pytest.mark.parametrize(("text", "rule"), [("docker run -m 512 x\n", "swap-unsaid"), ("docker run -m 1k x\n", "swap-unsaid")])
def test_a_limit_that_is_a_slip_of_the_unit_is_reported_once(text: str, rule: str) -> None:
    assert lint_raw([Document("x.sh", text)], Mapped({}), FACTS, select=(rule,)).findings == ()
