"""Where settings come from: the line that wins, in which file, and those it beat, of units as a capture shows them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from boxes import MEMINFO, fake

from oomconf.host.snapshot import capture, collector
from oomconf.origins import files_of, manager_says, on_disk, said_of
from oomconf.quantity import INFINITY, Percent
from oomconf.snapshot import Snapshot, read

G = 1 << 30
UNIT = "usr/lib/systemd/system/a-web.service"
HOST = {
    "proc/meminfo": MEMINFO,
    UNIT: "[Unit]\n# ours\n[Service]\nExecStart=/bin/web\nMemoryMax=4G\nOOMScoreAdjust=-5\nRestart=always\n",
    "usr/lib/systemd/system/service.d/10-all.conf": "[Service]\nMemoryHigh=3G\n",
    "etc/systemd/system/a-.service.d/20.conf": "[Service]\nMemoryMax=50%\nOOMScoreAdjust=\n",
    "etc/systemd/system/a-web.service.d/30.conf": "\n[Service]\n\tMemoryMax = 2G \nMemoryMax=2GB\nMemoryLow=\n",
    "run/systemd/system/a-web.service.d/30.conf": "[Service]\nMemoryMax=9G\n",
    "etc/systemd/system.conf": "[Manager]\n#DefaultOOMPolicy=stop\nDefaultOOMScoreAdjust=7\n",
    "etc/systemd/system.conf.d/9.conf": "[Manager]\nDefaultOOMPolicy=kill\nDefaultOOMScoreAdjust=8\n",
}


def taken_from(root: Path, files: dict[str, str], show: str | None = None) -> Snapshot:
    def run(command: object) -> str | None:
        return show if show is not None and isinstance(command, tuple) and command[:2] == ("systemctl", "show") else None

    return read(capture(str(fake(root, files)), run))


def test_each_value_has_the_place_of_the_line_that_wins_and_those_it_beat(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, HOST)
    assert files_of(taken, "a-web.service") == tuple(
        f"/{path}" for path in (UNIT, "usr/lib/systemd/system/service.d/10-all.conf", "etc/systemd/system/a-.service.d/20.conf", "etc/systemd/system/a-web.service.d/30.conf")
    )  # fmt: skip
    said = said_of(taken, "a-web.service")
    most = said["memory_max"]
    assert (most.value, most.text) == (2 * G, "2G")
    assert most.at == ("/etc/systemd/system/a-web.service.d/30.conf", 3, 14, 3, 16)
    assert [(str(one.at), one.value, one.text) for one in most.beat] == [
        ("/etc/systemd/system/a-web.service.d/30.conf:4:11", None, "2GB"),
        ("/etc/systemd/system/a-.service.d/20.conf:2:11", Percent(5000), "50%"),
        (f"/{UNIT}:5:11", 4 * G, "4G"),
    ]
    assert (said["memory_low"].value, said["memory_low"].at.line) == (0, 5)
    assert "oom_score_adj" not in said
    assert (said["restart"].value, said["memory_high"].value) == ("always", 3 * G)
    assert {name: (one.value, one.at.path) for name, one in manager_says(taken).items()} == {
        "oom_policy": ("kill", "/etc/systemd/system.conf.d/9.conf"),
        "oom_score_adj": (8, "/etc/systemd/system.conf.d/9.conf"),
    }


def test_where_the_manager_was_asked_its_own_list_of_files_counts(tmp_path: Path) -> None:
    show = "Id=a-web.service\nLoadState=loaded\nFragmentPath=/lib/systemd/system/a-web.service\nDropInPaths=/etc/systemd/system/a-.service.d/20.conf $'/etc/a b\\'\\\\c.conf'\n\nId=m.service\nLoadState=masked\nFragmentPath=/etc/systemd/system/m.service\nDropInPaths=\n"
    taken = taken_from(tmp_path, HOST, show)
    assert files_of(taken, "a-web.service") == (
        "/lib/systemd/system/a-web.service",
        "/etc/systemd/system/a-.service.d/20.conf",
        "/etc/a b'\\c.conf",
    )
    most = said_of(taken, "a-web.service")["memory_max"]
    assert (most.value, str(most.at)) == (Percent(5000), "/etc/systemd/system/a-.service.d/20.conf:2:11")
    assert [str(one.at) for one in most.beat] == ["/lib/systemd/system/a-web.service:5:11"]
    assert len(on_disk(taken, "a-web.service")) == 4
    assert said_of(taken, "m.service") == {}


def test_an_empty_file_and_a_link_to_nothing_hide_what_they_are_named_after(tmp_path: Path) -> None:
    fake(tmp_path, {**HOST, "etc/systemd/system/a-web.service.d/10-all.conf": "", "etc/systemd/system/off.service": "", "usr/lib/systemd/system/off.service": "[Service]\nMemoryMax=1G\n"})  # fmt: skip
    (tmp_path / "etc/systemd/system/a-web.service.d/20.conf").symlink_to("/dev/null")
    taken = read(capture(str(tmp_path)))
    said = said_of(taken, "a-web.service")
    assert "memory_high" not in said
    assert said["oom_score_adj"].value == -5
    assert said_of(taken, "off.service") == {}


@pytest.mark.parametrize(
    ("unit", "text", "name"),
    [
        ("user@1000.service", "user-%i.slice", "user-1000.slice"),
        ("a-b@c.service", "%p-%i-%%.slice", None),
        ("a-b@c.service", "x%j.slice", "xb.slice"),
        ("a@c.service", "%t.slice", None),
        ("a@c.service", "%i", None),
    ],
)
def test_a_slice_is_named_after_its_unit(tmp_path: Path, unit: str, text: str, name: str | None) -> None:
    template = unit.partition("@")[0]
    taken = taken_from(tmp_path, {f"etc/systemd/system/{template}@.service": f"[Service]\nSlice={text}\n"})
    assert said_of(taken, unit)["slice"].value == name


def test_a_line_that_the_hosts_systemd_is_too_old_for_says_nothing(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, {"etc/systemd/system/a.service": "[Service]\nManagedOOMSwap=kill\nMemoryMax=1G\nMemoryHigh={{ x }}\n"})), lambda command: "systemd 245 (245)\n" if command[-1] == "--version" else None))  # fmt: skip
    said = said_of(taken, "a.service")
    assert (said["managed_oom_swap"].value, said["memory_max"].value, said["memory_high"].value) == (None, G, None)


def test_a_line_number_that_no_file_has_is_not_believed() -> None:
    path = "/etc/systemd/system/a.service"
    taken = read(f"={path}:1:[Service]\n={path}:999999999:MemoryMax=1G\n={path}:2:MemoryMax=\n={path}:3:[broken\n={path}:4:MemoryMax=1K\n")
    assert said_of(taken, "a.service")["memory_max"].value is None
    assert said_of(taken, "b.service") == {}
    assert said_of(taken, "b") == {}
    taken = read(f"={path}:1:[Service]\n={path}:2:MemoryMax=\n")
    assert said_of(taken, "a.service")["memory_max"].value == INFINITY


def test_the_shell_knows_empty_files_and_tabs_too(tmp_path: Path) -> None:
    folder = fake(tmp_path, {"a.conf": "", "e.conf": "# silent\n", "b.conf": "t MemoryMax=1G\n\tMemoryMax=2G\nMemoryMax=3G\n", "c.txt": ""})
    (folder / "d.conf").symlink_to("/dev/null")
    script = collector()
    start, end = script.index("lines_of() {"), script.index("# folders")
    pattern = next(line for line in script.split("\n") if "Startup" in line).partition("lines_of ")[2].partition(' "$@"')[0]
    code = f"{script[start:end]}\nlines_of {pattern} '{folder}' \\( -name '*.conf' \\)"
    done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.replace(f"={folder}/", "").split("\n")) == [
        "",
        "a.conf:0:",
        "b.conf:2:\tMemoryMax=2G",
        "b.conf:3:MemoryMax=3G",
        "d.conf:0:",
        "e.conf:1:",
    ]
