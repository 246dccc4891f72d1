"""Commit accounting and reserves, held by recorded figures and by the kernel that runs the tests."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.kernel.overcommit import (
    commit_limit,
    default_admin_reserve_kbytes,
    default_min_free_kbytes,
    default_user_reserve_kbytes,
    grants,
)

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

LIMITS = [
    # MemTotal kB, SwapTotal kB, ratio, overcommit_kbytes, huge pages kB, CommitLimit kB
    (24684100, 0, 50, 0, 0, 12342048),
    (16 * MIB, 4 * MIB, 50, 0, 0, 12 * MIB),
    (16 * MIB, 0, 80, 0, 0, 13421772),
    (16 * MIB, 4 * MIB, 50, 2 * MIB, 0, 6 * MIB),
    (16 * MIB, 0, 50, 0, 8 * MIB, 4 * MIB),
    (16 * MIB, 0, 150, 0, 0, 24 * MIB),
    (16 * MIB, 4 * MIB, 0, 0, 0, 4 * MIB),
    (16 * MIB, 0, 50, 3, 0, 0),
]


@pytest.mark.parametrize(("memory", "swap", "ratio", "kbytes", "huge", "limit"), LIMITS)
def test_the_limit_is_a_share_of_ram_or_a_size_with_swap_on_top(
    *, memory: int, swap: int, ratio: int, kbytes: int, huge: int, limit: int
) -> None:
    found = commit_limit(memory_total=memory * KIB, swap_total=swap * KIB, ratio=ratio, kbytes=kbytes, hugetlb=huge * KIB)
    assert found == limit * KIB


def test_a_negative_ratio_has_no_limit() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        commit_limit(memory_total=GIB, swap_total=0, ratio=-1)


def test_the_kernel_prints_the_limit_that_is_computed() -> None:
    text = Path("/proc/meminfo").read_text("ascii")
    told = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
    if "Hugetlb" not in told:
        pytest.skip("/proc/meminfo does not say how much is in huge pages")
    found = commit_limit(
        memory_total=told["MemTotal"] * KIB,
        swap_total=told["SwapTotal"] * KIB,
        ratio=int(Path("/proc/sys/vm/overcommit_ratio").read_text("ascii")),
        kbytes=int(Path("/proc/sys/vm/overcommit_kbytes").read_text("ascii")),
        hugetlb=told["Hugetlb"] * KIB,
        page_size=os.sysconf("SC_PAGE_SIZE"),
    )
    assert found // KIB == told["CommitLimit"]


GRANTS = [
    # request, committed, total_vm, privileged, granted; the limit is 1 GiB, the admin reserve 8 MiB, the user reserve 128 MiB
    (MIB, 0, 0, False, True),
    (GIB, 0, 0, False, False),
    (GIB, 0, 0, True, False),
    (GIB - 4096, 0, 0, True, True),
    (GIB - 8 * MIB - 4096, 0, 0, False, True),
    (GIB - 8 * MIB, 0, 0, False, False),
    (512 * MIB, 512 * MIB, 0, True, False),
    (512 * MIB, 400 * MIB, 0, False, True),
    (512 * MIB, 400 * MIB, 3400 * MIB, False, False),
    (512 * MIB, 400 * MIB, 3300 * MIB, False, True),
    (GIB - 8 * MIB - 128 * MIB - 4096, 0, 10**6 * MIB, False, True),
    (GIB - 8 * MIB - 128 * MIB, 0, 10**6 * MIB, False, False),
]


@pytest.mark.parametrize(("request_bytes", "committed", "total_vm", "privileged", "granted"), GRANTS)
def test_mode_2_grants_what_stays_below_the_limit_and_the_reserves(
    request_bytes: int, committed: int, total_vm: int, privileged: bool, granted: bool
) -> None:
    assert grants(request=request_bytes, committed=committed, limit=GIB, total_vm=total_vm, privileged=privileged) is granted


@given(st.integers(0, 2 * GIB), st.integers(0, GIB), st.integers(0, 64 * GIB))
def test_privilege_never_takes_a_grant_away(request_bytes: int, committed: int, total_vm: int) -> None:
    plain = grants(request=request_bytes, committed=committed, limit=GIB, total_vm=total_vm)
    assert grants(request=request_bytes, committed=committed, limit=GIB, total_vm=total_vm, privileged=True) >= plain


MIN_FREE = [
    (0, 0, 128),
    (1024, 0, 128),
    (1 << 20, 0, 4096),
    (16 << 20, 0, 16384),
    (1 << 32, 0, 262144),
    (1 << 40, 0, 262144),
    (24684100, 3, 67584),
    (24684100, 0, 19873),
    (1 << 20, 3, 52428),
    (1 << 32, 3, 262144),
]


@pytest.mark.parametrize(("lowmem", "zones", "kbytes"), MIN_FREE)
def test_min_free_is_a_square_root_that_huge_pages_raise(lowmem: int, zones: int, kbytes: int) -> None:
    assert default_min_free_kbytes(lowmem, thp_zones=zones) == kbytes


RESERVES = [(320, 10, 10), (1 << 18, 8192, 8192), (1 << 22, 8192, 131072), (3_212_960, 8192, 100405), (1 << 30, 8192, 131072)]


@pytest.mark.parametrize(("free", "admin", "user"), RESERVES)
def test_reserves_are_a_32nd_of_what_is_free_at_boot_up_to_a_cap(free: int, admin: int, user: int) -> None:
    assert (default_admin_reserve_kbytes(free), default_user_reserve_kbytes(free)) == (admin, user)
