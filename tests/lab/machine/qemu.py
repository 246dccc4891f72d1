"""One machine under qemu's software emulation, and the commands that its agent runs."""

from __future__ import annotations

import functools
import io
import json
import re
import shlex
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

__all__ = ["Done", "Machine", "MachineError", "qemu_version"]

_QEMU: Final = "qemu-system-x86_64"
_SWAP_DISK: Final = 4 << 30
_BOOT_SECONDS: Final = 300
_GRACE: Final = 60
"""Seconds that the agent may take beyond a command's own time; an emulated machine that is out of memory is slow."""


class MachineError(Exception):
    """The machine, not the command in it, failed: it panicked, powered off, or no longer answers."""


@functools.cache
def qemu_version() -> str:
    """Say which qemu this is: a saved machine goes on only in the one that saved it."""
    return subprocess.run([_QEMU, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended in the machine: its exit status (137 by SIGKILL, 124 out of time) and what it wrote."""

    command: str
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"{self.command}\nexits {self.status}\n{self.out}{self.err}"


class Machine:
    """A running machine; commands run one after another, as root, without a limit or score of their own."""

    def __init__(self, folder: Path, disk: Path, *, memory: str, cpus: int, append: str, keep: bool, state: Path | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="oomconf-lab-")
        self._console = Path(self._scratch.name) / "console"
        self._console.touch()
        swap = Path(self._scratch.name) / "swap"
        with swap.open("wb") as file:
            file.truncate(_SWAP_DISK)
        ours: dict[str, socket.socket] = {}
        theirs: list[socket.socket] = []
        channels: list[str] = []
        for name in ("agent", "qmp"):
            ours[name], other = socket.socketpair()
            theirs.append(other)
            channels += ["-chardev", f"socket,id={name},fd={other.fileno()}"]
        self._agent_socket, self._qmp = ours["agent"], ours["qmp"]
        snapshot = "off" if keep else "on"
        self._process = subprocess.Popen(
            [
                "setpriv", "--pdeathsig", "KILL", _QEMU, "-accel", "tcg,thread=multi", "-cpu", "qemu64,-svm,+rdrand", "-smp", str(cpus),
                "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{self._console}",
                *channels, "-mon", "chardev=qmp,mode=control", "-device", "virtio-serial-pci,id=ports",
                "-device", "virtserialport,bus=ports.0,nr=1,chardev=agent,name=lab.agent",
                "-drive", f"if=virtio,file={disk},format=qcow2,cache=unsafe,snapshot={snapshot}",
                "-drive", f"if=virtio,file={swap},format=raw,cache=unsafe",
                "-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd"),
                "-append", f"console=ttyS0 quiet systemd.show_status=0 panic=-1 log_buf_len=4M {append}",
                *(["-incoming", f"exec:cat {shlex.quote(str(state))}"] if state is not None else []),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[one.fileno() for one in theirs],
            start_new_session=True,
        )  # fmt: skip
        for one in theirs:
            one.close()
        self._agent: IO[bytes] = self._agent_socket.makefile("rb")

    @classmethod
    def boot(cls, folder: Path, saved: Path, *, memory: str, cpus: int, append: str, warm: Sequence[str]) -> None:
        """Boot the image, run the `warm` commands, and keep the machine as it then is in the folder `saved`."""
        new = Path(tempfile.mkdtemp(dir=folder, prefix="boot-new-"))
        try:
            backing = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(folder / "root.ext4"), "-F", "raw", str(new / "disk")]
            subprocess.run(backing, check=True)
            machine = cls(folder, new / "disk", memory=memory, cpus=cpus, append=append, keep=True)
            try:
                machine._answer(_BOOT_SECONDS)
                for command in warm:
                    machine.run(command, timeout=_BOOT_SECONDS)
                machine.run("sync; sleep 1; dmesg -C")
                machine._save(new / "state")
            finally:
                machine.close()
            new.rename(saved)
        except BaseException:
            shutil.rmtree(new)
            raise

    @classmethod
    def restored(cls, folder: Path, saved: Path, *, memory: str, cpus: int, append: str) -> Self:
        """Go on from a saved machine; what it writes is dropped."""
        machine = cls(folder, saved / "disk", memory=memory, cpus=cpus, append=append, keep=False, state=saved / "state")
        machine.run(f"date -s @{time.time():.0f} >/dev/null")
        return machine

    # ── what tests ask ───────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, command: str | Sequence[str], *, check: bool = True, timeout: float = 120, stdin: bytes = b"") -> Done:
        """Run a shell command (or words) to its end; raise AssertionError with all it said if it fails and `check` is set."""
        text = command if isinstance(command, str) else shlex.join(command)
        head = json.dumps({"command": text, "timeout": timeout, "stdin": len(stdin)}).encode()
        try:
            self._agent_socket.sendall(head + b"\n" + stdin)
        except OSError as error:
            raise self._dead() from error
        said = self._answer(timeout + _GRACE)
        out, err = self._read(said["out"]), self._read(said["err"])
        done = Done(command=text, status=said["status"], out=out.decode(errors="replace"), err=err.decode(errors="replace"))
        if check and done.status:
            raise AssertionError(str(done))
        return done

    def out(self, command: str | Sequence[str], *, timeout: float = 120) -> str:
        """Run a command that must succeed, and give what it wrote, without the last newline."""
        return self.run(command, timeout=timeout).out.removesuffix("\n")

    def put(self, files: Mapping[str, str | tuple[str, int]]) -> None:
        """Write files by absolute path; a text, or a text and its mode."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, said in files.items():
                text, mode = (said, 0o644) if isinstance(said, str) else said
                row = tarfile.TarInfo(path.lstrip("/"))
                row.size, row.mode, row.mtime = len(text.encode()), mode, int(time.time())
                tar.addfile(row, io.BytesIO(text.encode()))
        self.run("tar -x -f - -C / --no-overwrite-dir", stdin=packed.getvalue())

    def put_tree(self, folder: Path, to: str = "/") -> None:
        """Copy what is in a folder of the host into one of the machine, owned by root: `cp -r folder/. /`."""

        def owned(row: tarfile.TarInfo) -> tarfile.TarInfo:
            row.uid = row.gid = 0
            row.uname = row.gname = "root"
            return row

        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name, filter=owned)
        self.run(f"mkdir -p {shlex.quote(to)} && tar -x -f - -C {shlex.quote(to)} --no-overwrite-dir", stdin=packed.getvalue())

    def read(self, path: str) -> str:
        """Give a file's text, without the last newline."""
        return self.out(["cat", path])

    def kernel_log(self) -> str:
        """Give what the kernel has said since the machine was saved or the last `forget`, as dmesg prints it."""
        return self.run("dmesg").out

    def forget(self) -> None:
        """Empty the kernel's log."""
        self.run("dmesg -C")

    def console(self, until: str = "", seconds: float = 30) -> str:
        """Give what came over the serial console, waiting for a text: it outlives a panic."""
        deadline = time.monotonic() + seconds
        while True:
            text = self._console.read_bytes().replace(b"\r\n", b"\n").decode(errors="replace")
            if until in text or time.monotonic() > deadline:
                return text
            time.sleep(0.1)

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._agent.close()
        self._agent_socket.close()
        self._qmp.close()
        self._scratch.cleanup()

    # ── the channels ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, seconds: float) -> dict[str, Any]:
        self._agent_socket.settimeout(seconds)
        try:
            line = self._agent.readline()
        except TimeoutError as error:
            msg = f"the machine has not answered for {seconds:g} s; the console's end:\n{self.console()[-2000:]}"
            raise MachineError(msg) from error
        except OSError as error:
            raise self._dead() from error
        if not line.endswith(b"\n"):
            raise self._dead()
        said: dict[str, Any] = json.loads(line)
        return said

    def _read(self, size: int) -> bytes:
        data = self._agent.read(size)
        if len(data) != size:
            raise self._dead()
        return data

    def _dead(self) -> MachineError:
        self._process.kill()
        self._process.wait()
        said = b"" if self._process.stderr is None else self._process.stderr.read()
        console = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.console()[-2000:])
        return MachineError(f"the machine has ended by itself: {said.decode(errors='replace')[-500:]}\nthe console's end:\n{console}")

    def _save(self, path: Path) -> None:
        """Write memory and devices to a file (qemu's migration), and end the machine; it must not be stopped before, or it stays so."""
        replies = self._qmp.makefile("rb")

        def ask(command: str, **arguments: object) -> Any:
            self._qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
            for line in replies:
                reply = json.loads(line)
                if "error" in reply:
                    raise MachineError(reply["error"]["desc"])
                if "return" in reply:
                    return reply["return"]
            raise self._dead()

        ask("qmp_capabilities")
        ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        ask("migrate", uri=f"exec:cat >{shlex.quote(str(path))}")
        while (status := ask("query-migrate")["status"]) != "completed":
            if status == "failed":
                msg = "the machine could not be saved"
                raise MachineError(msg)
            time.sleep(0.02)
        ask("quit")
        self._process.wait()
