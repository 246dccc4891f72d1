"""The table of sysctls, held by the documented ranges and by the kernel that runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS, VENDOR_KEYS, check_value, suggest
from oomconf.kernel.version import KernelVersion

ROOT = Path("/proc/sys")

TAKEN = [
    ("vm.overcommit_memory", "2"),
    ("vm.overcommit_ratio", "150"),
    ("vm.overcommit_ratio", "-1"),
    ("vm.overcommit_kbytes", "18446744073709551615"),
    ("vm.panic_on_oom", "2"),
    ("vm.oom_kill_allocating_task", "7"),
    ("vm.swappiness", "0"),
    ("vm.swappiness", "200"),
    ("vm.swappiness", "0x46"),
    ("vm.swappiness", "0106"),
    ("vm.swappiness", " 60\n"),
    ("vm.swappiness", "70 # c"),
    ("vm.swappiness", "60\t70"),
    ("vm.watermark_scale_factor", "3000"),
    ("vm.min_free_kbytes", "2147483647"),
    ("vm.dirty_bytes", "8192"),
    ("vm.dirty_background_bytes", "1"),
    ("vm.lowmem_reserve_ratio", "256\t256\t32\t0\t0"),
    ("vm.numa_zonelist_order", "Node"),
    ("vm.drop_caches", "3"),
    ("kernel.panic", "-1"),
    ("kernel.shmmax", "18446744073692774399"),
    ("net.core.somaxconn", "banana"),
    ("vm.a_key_of_some_vendor", "banana"),
]

REFUSED = [
    ("vm.overcommit_memory", "3", "3 is more than 2, the most"),
    ("vm.overcommit_memory", "-1", "-1 is less than 0, the least"),
    ("vm.panic_on_oom", "3", "3 is more than 2, the most"),
    ("vm.swappiness", "201", "201 is more than 200, the most"),
    ("vm.swappiness", "70# c", "'70#' is not a whole number"),
    ("vm.swappiness", "60%", "'60%' is not a whole number"),
    ("vm.swappiness", "+60", "'+60' is not a whole number"),
    ("vm.swappiness", '"60"', "'\"60\"' is not a whole number"),
    ("vm.swappiness", "", "it is empty"),
    ("vm.swappiness", " \t", "it is empty"),
    ("vm.swappiness", "08", "'08' is not a whole number"),
    ("vm.swappiness", "0x", "'0x' is not a whole number"),
    ("vm.swappiness", "6٠", "'6٠' is not a whole number"),
    ("vm.overcommit_ratio", "2147483648", "2147483648 does not fit in 32 bits"),
    ("vm.min_free_kbytes", "64M", "'64M' is not a whole number"),
    ("vm.min_free_kbytes", "4294967296", "4294967296 does not fit in 32 bits"),
    ("vm.watermark_scale_factor", "0", "0 is less than 1, the least"),
    ("vm.dirty_ratio", "101", "101 is more than 100, the most"),
    ("vm.dirty_bytes", "0", "0 is less than 8192, the least"),
    ("vm.dirty_bytes", "8191", "8191 is less than 8192, the least"),
    ("vm.dirty_background_bytes", "0", "0 is less than 1, the least"),
    ("vm.overcommit_kbytes", "-1", "-1 is negative"),
    ("vm.overcommit_kbytes", "18446744073709551616", "18446744073709551616 does not fit in 64 bits"),
    ("vm.nr_hugepages", "9" * 21, f"'{'9' * 20}' is not a whole number"),
    ("vm.lowmem_reserve_ratio", "256 x 32", "'x' is not a whole number"),
    ("vm.drop_caches", "0", "0 is less than 1, the least"),
    ("vm.drop_caches", "5", "5 is more than 4, the most"),
    ("vm.compact_memory", "2", "2 is more than 1, the most"),
    ("vm.extfrag_threshold", "1001", "1001 is more than 1000, the most"),
]


@pytest.mark.parametrize(("key", "text"), TAKEN)
def test_what_the_kernel_takes_is_not_refused(key: str, text: str) -> None:
    assert check_value(key, text) is None


@pytest.mark.parametrize(("key", "text", "reason"), REFUSED)
def test_what_the_kernel_refuses_is_refused_with_the_number_that_broke_it(key: str, text: str, reason: str) -> None:
    assert check_value(key, text) == reason


OLDER = [
    ("vm.swappiness", "150", "5.7", "150 is more than 100, the most before Linux 5.8"),
    ("vm.swappiness", "150", "5.8", None),
    ("vm.swappiness", "100", "4.19", None),
    ("vm.watermark_scale_factor", "1001", "5.10.0-32-amd64", "1001 is more than 1000, the most before Linux 5.18"),
    ("vm.watermark_scale_factor", "1001", "6.1", None),
]


@pytest.mark.parametrize(("key", "text", "kernel", "reason"), OLDER)
def test_an_older_kernel_has_its_own_maximum(key: str, text: str, kernel: str, reason: str | None) -> None:
    assert check_value(key, text, KernelVersion.parse(kernel)) == reason
    assert check_value(key, text) is None, "an unknown kernel may be a new one"


@given(st.sampled_from(sorted(SYSCTLS)), st.text(max_size=30))
def test_any_text_for_any_key_ends_in_an_answer(key: str, text: str) -> None:
    answer = check_value(key, text)
    assert answer is None or answer


@given(st.sampled_from(sorted(key for key, row in SYSCTLS.items() if row.kind in ("int", "ulong"))), st.integers(-(2**70), 2**70))
def test_decimal_hex_and_octal_are_one_number(key: str, value: int) -> None:
    sign, size = ("-", -value) if value < 0 else ("", value)
    answers = {check_value(key, text) is None for text in (f"{sign}{size}", f"{sign}{size:#x}") if len(text) <= 20}
    assert len(answers) <= 1


def test_every_row_is_whole() -> None:
    for key, row in SYSCTLS.items():
        assert row.key == key
        assert row.page.startswith("Documentation/")
        assert row.minimum is None or row.maximum is None or row.minimum <= row.maximum
        assert not row.danger.endswith(".")
        assert not (row.kind == "action" and row.default is not None), f"{key} holds nothing"


def test_a_default_may_be_written_but_for_the_half_of_a_pair_that_reads_0() -> None:
    for key, row in SYSCTLS.items():
        if row.default is not None and key not in ("vm.dirty_bytes", "vm.dirty_background_bytes"):
            assert check_value(key, str(row.default)) is None, key


def test_pairs_are_made_of_known_keys() -> None:
    assert {name for pair in EXCLUSIVE_PAIRS for name in pair} <= set(SYSCTLS)


MEANT = [
    ("vm.swapiness", "vm.swappiness"),
    ("vm.Swappiness", "vm.swappiness"),
    ("vm.overcomit_memory", "vm.overcommit_memory"),
    ("vm.overcommit-memory", "vm.overcommit_memory"),
    ("vm.page_cluster", "vm.page-cluster"),
    ("vm.oom_kill_allocating_tasks", "vm.oom_kill_allocating_task"),
    ("vm.dirty_background_byte", "vm.dirty_background_bytes"),
    ("kernel.panic_on_oom", "vm.panic_on_oom"),
    ("vm.shmmax", "kernel.shmmax"),
    ("kernel.panic_on_oop", "kernel.panic_on_oops"),
    ("vm.swappiness", None),
    ("vm.nothing_like_it", None),
    ("vm.", None),
    ("vm", None),
    ("net.ipv4.swapiness", None),
    ("kernel.panic_on_io_nmi", None),
    ("vm." + "x" * 5000, None),
]


@pytest.mark.parametrize(("key", "meant"), MEANT)
def test_a_near_miss_names_the_key_that_was_meant(key: str, meant: str | None) -> None:
    assert suggest(key) == meant


@pytest.mark.parametrize("key", sorted(VENDOR_KEYS))
def test_a_vendors_key_is_not_a_misspelling(key: str) -> None:
    assert suggest(key) is None


def live(namespace: str) -> list[str]:
    return sorted(f"{namespace}.{path.name}" for path in (ROOT / namespace).glob("*") if path.is_file())


@pytest.mark.parametrize("key", [*live("vm"), *live("kernel")])
def test_no_key_of_this_machine_is_taken_for_a_misspelling(key: str) -> None:
    assert suggest(key) is None


def here() -> list[str]:
    return [key for key in sorted(SYSCTLS) if (ROOT / key.replace(".", "/")).exists()]


@pytest.mark.parametrize("key", here())
def test_the_value_of_this_machine_is_one_that_may_be_written(key: str) -> None:
    row, path = SYSCTLS[key], ROOT / key.replace(".", "/")
    if row.kind == "action":
        assert path.stat().st_mode & 0o222, f"{key} cannot be written"
        return
    value = path.read_text("ascii").rstrip("\n")
    if value == "0" and any(key in pair for pair in EXCLUSIVE_PAIRS):
        return  # the other one of the pair is in force
    assert check_value(key, value, KernelVersion.parse(Path("/proc/sys/kernel/osrelease").read_text("ascii"))) is None


def test_this_machine_has_most_of_the_table() -> None:
    assert len(here()) >= 40
