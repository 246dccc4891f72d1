"""Where --output, -o and their like write: files are replaced whole, links followed, devices and pipes written to."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from oomconf.cli import main
from oomconf.errors import WriteError
from oomconf.host.files import put

ROOT = Path(__file__).parent.parent
TAKEN = str(ROOT / "examples/small-vm/host.snapshot")


def place(kind: str, path: Path) -> None:
    """Make what stands where is written to, and beside it what it leads to."""
    match kind:
        case "file":
            path.write_text("old")
        case "link":
            path.with_name("target").write_text("old")
            path.symlink_to("target")
        case "links":
            path.with_name("target").write_text("old")
            path.with_name("between").symlink_to("target")
            path.symlink_to("between")
        case "dangling":
            path.symlink_to("target")
        case "fifo":
            os.mkfifo(path)
        case "link to fifo":
            os.mkfifo(path.with_name("target"))
            path.symlink_to("target")
        case "device":
            try:
                os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            except PermissionError:
                pytest.skip("only root makes devices")


def kinds(folder: Path) -> dict[str, tuple[int, int]]:
    """What stands in a folder: its kind, and the inode of all that no writing may replace."""
    found = {path.name: path.lstat() for path in folder.iterdir()}
    return {name: (stat.S_IFMT(one.st_mode), 0 if stat.S_ISREG(one.st_mode) else one.st_ino) for name, one in found.items()}


def reading(path: Path, write: Callable[[], object]) -> str:
    """What arrives there; a pipe is read while it is written to."""
    if not path.is_fifo():
        write()
        return path.read_text() if path.is_file() else ""
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    write()
    reader.join(10)
    return got[0]


KINDS = ["nothing", "file", "link", "links", "dangling", "fifo", "link to fifo", "device"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_to_stays_what_it_is(kind: str, tmp_path: Path) -> None:
    """Law: whatever stands there keeps its kind, links lead where they led, and the text is where `>` of a shell puts it."""
    path = tmp_path / "out"
    place(kind, path)
    before = kinds(tmp_path)
    assert reading(path, lambda: put(str(path), "new\n")) == ("" if kind == "device" else "new\n")
    made = {"nothing": {"out"}, "dangling": {"target"}}.get(kind, set())
    assert kinds(tmp_path) == before | dict.fromkeys(made, (stat.S_IFREG, 0))


@pytest.mark.parametrize("kind", ["fifo", "device"])
@pytest.mark.parametrize(
    "argv",
    [
        ["audit", "--snapshot", TAKEN, "--format", "prometheus", "--output"],
        ["init", "--template", "-o"],
        ["import", str(ROOT / "examples/small-vm"), "-o"],
        ["lint", "--no-cache", str(ROOT / "examples/small-vm"), "--write-baseline"],
    ],
    ids=lambda argv: argv[0],
)
def test_no_verb_replaces_a_device_or_a_pipe(kind: str, argv: list[str], tmp_path: Path) -> None:
    path = tmp_path / "out"
    place(kind, path)
    before = kinds(tmp_path)
    codes: list[int] = []
    got = reading(path, lambda: codes.append(main([*argv, str(path)])))
    assert codes[0] in (0, 1)
    assert bool(got) is (kind == "fifo")
    assert kinds(tmp_path) == before


def test_a_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with path.open() as held:
        put(str(path), "new")
        assert (held.read(), path.read_text()) == ("old", "new")


@pytest.mark.parametrize("kind", ["folder", "link to a folder", "link to itself", "link into nothing", "socket"])
def test_what_cannot_be_written_to_is_left_as_it_is(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out"
    with socket.socket(socket.AF_UNIX) as listening:
        match kind:
            case "folder":
                path.mkdir()
            case "link to a folder":
                (tmp_path / "target").mkdir()
                path.symlink_to("target")
            case "link to itself":
                path.symlink_to("out")
            case "link into nothing":
                path.symlink_to("nothing/out")
            case "socket":
                listening.bind(str(path))
        before = kinds(tmp_path)
        with pytest.raises(WriteError):
            put(str(path), "new")
        assert main(["audit", "--snapshot", TAKEN, "--format", "json", "--output", str(path)]) == 3
        assert capsys.readouterr().err.startswith(f"oomconf: {path}: ")
        assert kinds(tmp_path) == before


def test_a_strangers_link_in_a_folder_of_all_is_not_followed_where_the_kernel_would_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under fs.protected_symlinks: what stat() may not follow is not resolved either."""
    (tmp_path / "target").write_text("old")
    (tmp_path / "out").symlink_to("target")

    def refuses(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr("oomconf.host.files.os.stat", refuses)
        with pytest.raises(WriteError, match="permission denied"):
            put(str(tmp_path / "out"), "new")
    assert (tmp_path / "target").read_text() == "old"


@pytest.mark.parametrize(
    "argv",
    [
        ["audit", "--snapshot", TAKEN, "--format", "json", "--output", "-"],
        ["init", "--template", "-o", "-"],
        ["import", str(ROOT / "examples/small-vm"), "--out", "-"],
    ],
    ids=lambda argv: argv[0],
)
def test_a_dash_is_standard_output(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = main(argv[:-2]), capsys.readouterr().out
    assert (main(argv), capsys.readouterr().out) == plain
    assert plain[1]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_goes_beside_standard_output_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["lint", "--write-baseline", "-"]) == 2
    assert "--write-baseline -: writes a file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
