"""The value of a sysctl that is in force, as systemd-sysctl and as procps read whole trees of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from consumers import procps, systemd
from hypothesis import given
from hypothesis import strategies as st

from oomconf.dialect import Document, NoSources
from oomconf.dialects.sysctl import DIALECT

KEYS = ("vm.swappiness", "vm.overcommit_memory", "kernel.panic", "vm/dirty_ratio", "net.ipv4.ip_forward")
lines = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(KEYS), st.integers(0, 99)),
    st.builds("{}={}".format, st.sampled_from(KEYS), st.integers(0, 99)),
    st.builds("  {}\t=\t{}  ".format, st.sampled_from(KEYS), st.integers(0, 99)),
    st.builds("-{} = {}".format, st.sampled_from(KEYS), st.integers(0, 99)),
    st.sampled_from(["# vm.swappiness = 7", "; vm.swappiness = 7", "", "no assignment"]),
)
texts = st.lists(lines, max_size=5).map(lambda found: "".join(f"{line}\n" for line in found))
names = st.sampled_from(["10-a.conf", "50-default.conf", "90-b.conf", "99-z.conf", "a.conf", "A.conf", "99-protect-links.conf"])


def trees(folders: tuple[str, ...]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.builds("{}/{}".format, st.sampled_from(folders), names), texts, min_size=1, max_size=6)


def ours(files: dict[str, str]) -> dict[str, str | None]:
    assert DIALECT.read is not None
    reading = DIALECT.read([Document(path, text) for path, text in files.items()], NoSources())
    return {key: setting.value for policy in reading.policies for key, setting in policy.sysctls.items()}


@pytest.mark.live("procps")
@given(trees(procps.FOLDERS), st.none() | texts)
def test_the_value_in_force_is_that_of_procps(files: dict[str, str], main: str | None) -> None:
    if main is not None and Path(f"/{procps.MAIN}").exists():
        files = {**files, procps.MAIN: main}
    elif Path(f"/{procps.MAIN}").exists():
        files = {**files, procps.MAIN: ""}
    assert ours(files) == procps.effective(files)


@pytest.mark.live("systemd")
@given(trees(("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d")))
def test_the_files_count_in_the_order_of_systemd(files: dict[str, str]) -> None:
    last: dict[str, str | None] = {}
    for path in systemd.cat_config_order(files):
        last |= ours({path: files[path]})
    assert ours(files) == last
