"""oomconf explain: the names by which things are found, cgroups and processes among them, and whose score it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from explained_hosts import MIB, drifted, one, setting

from oomconf.errors import CallError
from oomconf.host.explained import explained
from oomconf.snapshot import Snapshot, read


@pytest.mark.parametrize(
    ("word", "name"),
    [("www.service", "nginx.service"), ("www", "nginx.service"), ("nginx", "nginx.service"), ("web.slice", "web.slice"), ("web", "web.slice"), ("312", "nginx.service"), ("vm.swappiness", "vm.swappiness"), ("vm/swappiness", "vm.swappiness"), ("/web.slice/app.service", "app.service"), ("/sys/fs/cgroup/web.slice/app.service/", "app.service"), ("/web.slice", "web.slice"), ("/", "-.slice"), ("-.slice", "-.slice"), ("init.scope", "init.scope"), ("nginx[312]", "nginx.service"), ("systemd", "init.scope")],
)  # fmt: skip
def test_a_thing_is_found_by_any_of_its_names(word: str, name: str) -> None:
    assert one(drifted(), word).name == name


@pytest.mark.parametrize(
    ("word", "hint"),
    [("ngnix", "did you mean nginx.service?"), ("aapp.service", "did you mean app.service?"), ("nginx[420]", "process 420 is node, not nginx"), ("node", "2 processes are called node: say which: node[420] of app.service, node[421] of app.service"), ("app.servce", "did you mean app.service"), ("99999", "there is no process 99999"), ("vm.swapiness", "did you mean vm.swappiness?"), ("", "''"), ("../x", "'../x'"), ("a\x1b[31m\nb", "a\\x1b[31m\\x0ab"), ("9" * 5000, "")],
)  # fmt: skip
def test_a_name_that_nothing_has_is_refused_with_what_was_meant(word: str, hint: str) -> None:
    with pytest.raises(CallError) as caught:
        one(drifted(), word)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


def test_only_what_is_called_much_the_same_is_suggested() -> None:
    with pytest.raises(CallError) as caught:
        one(drifted(), "docker.service")
    assert "did you mean" not in str(caught.value)


def test_a_sysctl_that_a_snapshot_does_not_hold_is_not_called_unknown(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"^kernel\.panic is not in this snapshot"):
        one(drifted(), "kernel.panic")
    with pytest.raises(CallError, match="no file and no kernel here knows"):
        explained(drifted(), "kernel.nothing", root=str(tmp_path))


def in_cgroups(*rows: tuple[str, int, str, int]) -> Snapshot:
    """Processes by name, id, cgroup and score, each the parent of the next; every cgroup is limited to 64M."""
    lines: list[str] = []
    above = 1
    for name, pid, path, score in rows:
        lines += [f"/proc/{pid}/status:Name:\t{name}", f"/proc/{pid}/status:PPid:\t{above}", f"/proc/{pid}/status:VmRSS:\t9 kB"]
        lines += [f"/proc/{pid}/oom_score_adj:{score}", f"/proc/{pid}/cgroup:0::{path}", f"/sys/fs/cgroup{path}/memory.max:{64 * MIB}"]
        above = pid
    return read("\n".join((*lines, "# end")))


UNIT = "/system.slice/a.service"


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("/walk", "/walk", "no file says it: it was written into the cgroup by hand, or by another program"),
        ("/user.slice/user@7.service/b.service", "/user.slice/user@7.service/b.service", "no file of the system's manager says it: the user's manager set it, or it was written into the cgroup by hand"),
        (UNIT, "a.service", "no file that is seen sets it: a program told systemd, or it was written into the cgroup by hand"),
        ("/user.slice/c.scope", "c.scope", "no file that is seen sets it: a program told systemd, or it was written into the cgroup by hand"),
    ],
)  # fmt: skip
def test_a_value_of_a_cgroup_is_never_called_the_default_that_it_is_not(path: str, name: str, words: str) -> None:
    taken = in_cgroups(("x", 50, path, 0))
    for word in (path, "50", "x[50]", "x"):
        assert one(taken, word).name == name
        most = setting(taken, word, "memory_max")
        assert (most.value, most.by) == (64 * MIB, words)
        assert setting(taken, word, "memory_high").by == "nobody set it: the default is max"


def test_a_cgroup_goes_by_its_own_name_where_one_alone_has_it() -> None:
    taken = in_cgroups(("x", 50, "/a/walk", 0), ("y", 51, "/b", 0))
    assert one(taken, "walk").name == "/a/walk"
    with pytest.raises(CallError, match="2 cgroups end in walk: say which: /a/walk, /b/walk"):
        one(in_cgroups(("x", 50, "/a/walk", 0), ("y", 51, "/b/walk", 0)), "walk")
    assert one(in_cgroups(("x", 50, "/", 0)), "50").name == "x[50]"


@pytest.mark.parametrize("path", ["/", "/walk", UNIT, "/user.slice/c.scope", "/user.slice/user@7.service/b.service"])
@pytest.mark.parametrize("score", [-1000, -1, 0, 321])
def test_of_every_process_the_score_is_told_and_shown(path: str, score: int) -> None:
    from oomconf.reports import explanation_text
    from oomconf.reports._terminal import Paper

    found = one(in_cgroups(("sh", 40, UNIT, score), ("x", 50, path, score)), "50")
    told = next(row for row in found.settings if row.field == "oom_score_adj")
    assert told.value == score
    assert told.by.startswith("inherited from its parent sh[40]")
    assert f"\n  oom_score_adj {score}\n" in explanation_text.render(found, Paper())


def test_a_score_that_was_handed_down_is_traced_to_the_line_that_gave_it() -> None:
    chain = (("sshd", 40, UNIT, -900), ("bash", 50, "/user.slice/c.scope", -900), ("psql", 60, "/user.slice/c.scope", -900))
    taken = in_cgroups(*chain)
    assert setting(taken, "psql", "oom_score_adj").by == "inherited from its parent bash[50], and that from sshd[40]"
    lines = {"/etc/systemd/system/a.service": ((1, "[Service]"), (2, "OOMScoreAdjust=-900"))}
    said = replace(taken, files=lines)
    assert setting(said, "psql", "oom_score_adj").by.endswith(
        "and that from sshd[40], which a.service gives it at /etc/systemd/system/a.service:2:16"
    )
    itself = in_cgroups(("sh", 40, "/", 0), ("postgres", 50, "/", 5))
    assert "has set it itself, or another hand: its parent sh[40] has 0" in setting(itself, "50", "oom_score_adj").by
    known = in_cgroups(("sh", 40, "/", 0), ("kube-proxy", 50, "/", -999))
    assert "has set it itself, as this program does" in setting(known, "50", "oom_score_adj").by


def test_a_scope_is_in_the_slice_in_which_its_cgroup_is() -> None:
    where = setting(in_cgroups(("x", 50, "/user.slice/user-7.slice/c.scope", 0)), "50", "slice")
    assert (where.value, where.by) == ("user-7.slice", "no file that is seen sets it: its cgroup is there")
    assert setting(in_cgroups(("x", 50, UNIT, 0)), "50", "slice").by == "nobody set it: the manager puts it into system.slice"
