"""The machines that the tests start: which Debian, which kernel, how much memory."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from machine.images import Image, cache
from machine.qemu import Machine, qemu_version

__all__ = ["BOOKWORM", "BOOKWORM_HYBRID", "BOOKWORM_SMALL", "SHAPES", "TRIXIE", "TRIXIE_SMALL", "Shape", "available", "require"]

_BASE: Final = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "util-linux", "python3", "systemd-oomd", "earlyoom", "stress-ng", "busybox-static",
    "docker.io", "podman", "crun", "iptables", "apparmor", "nodejs", "cron", "logrotate", "libpam-systemd",
)  # fmt: skip
_NEEDED: Final = {
    "qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "cpio": "cpio",
    "gcc": "gcc", "xz": "xz-utils", "setpriv": "util-linux", "apt-get": "apt",
}  # fmt: skip
_FILES: Final = {
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/usr/lib/x86_64-linux-gnu/libc.a": "libc6-dev",
}

_TWELVE: Final = Image(name="bookworm", suite="bookworm", packages=(*_BASE, "openjdk-17-jre-headless"))
# what oomconf itself runs on, as Debian 13 packs it
_ITSELF: Final = ("python3-pydantic", "python3-jinja2", "python3-yaml", "python3-pathspec")
_THIRTEEN: Final = Image(
    name="trixie", suite="trixie", packages=(*_BASE, "openjdk-21-jre-headless", "docker-cli", "docker-compose", *_ITSELF)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An image with so much memory, and what runs in it when it is saved."""

    title: str
    """What the record of results calls it."""
    image: Image
    memory: str
    warm: tuple[str, ...] = ()
    """Commands before it is saved: what each test would have to wait for."""
    cpus: int = 2
    append: str = ""

    @property
    def saved(self) -> Path:
        """Where the booted machine is kept; another qemu, or another shape, is another one."""
        said = hashlib.sha256(repr((qemu_version(), self.memory, self.warm, self.cpus, self.append)).encode()).hexdigest()[:12]
        return self.image.folder / f"boot-{self.memory}-{said}"

    def release(self) -> str:
        """Give the kernel's release, such as 6.1.0-28-cloud-amd64."""
        self.image.disk()
        return (self.image.folder / "release").read_text().strip()

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """Start one, as it was saved booted; it is gone afterwards. Waits while as many run as the processors can bear."""
        with _alone(cache()):
            self.image.disk()
            if not self.saved.exists():
                _forget_half_made(self.image.folder)
                Machine.boot(self.image.folder, self.saved, memory=self.memory, cpus=self.cpus, append=self.append, warm=self.warm)
        with _slot(cache()):
            found = Machine.restored(self.image.folder, self.saved, memory=self.memory, cpus=self.cpus, append=self.append)
            try:
                yield found
            finally:
                found.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder while something in it is made, so that two runs do not make it twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_half_made(folder: Path) -> None:
    """Remove what a run left that was ended while it booted."""
    for left in folder.glob("boot-new-*"):
        shutil.rmtree(left)


_held: list[int] = []
"""A place for each machine that this process runs already; a second one beside it needs none, or two such processes wait for each other."""


@contextmanager
def _slot(folder: Path) -> Iterator[None]:
    """Hold one of a few places: machines that share a processor with many others miss the deadlines of their own services."""
    with ExitStack() as stack:
        while not _held:
            for number in range(max(2, os.cpu_count() or 1)):
                lock = stack.enter_context((folder / f"place-{number}").open("w"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                _held.append(1)
                stack.callback(_held.pop)
                yield
                return
            stack.close()
            time.sleep(0.2)
        yield


_CONTAINERS: Final = (
    "systemctl start docker",
    "tar -c -C /usr/local/lib/lab-image . | docker import - lab >/dev/null",
    "tar -c -C /usr/local/lib/lab-image . | podman import --quiet - localhost/lab >/dev/null",
)
BOOKWORM: Final = Shape(title="Debian 12", image=_TWELVE, memory="1G", warm=_CONTAINERS)
TRIXIE: Final = Shape(title="Debian 13", image=_THIRTEEN, memory="1G", warm=_CONTAINERS)
BOOKWORM_SMALL: Final = Shape(title="Debian 12", image=_TWELVE, memory="448M")
TRIXIE_SMALL: Final = Shape(title="Debian 13", image=_THIRTEEN, memory="448M")
BOOKWORM_HYBRID: Final = Shape(
    title="Debian 12",
    image=_TWELVE,
    memory="448M",
    append="systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0",
)
"""Its memory controller is cgroup v1's, under systemd's hybrid hierarchy."""
SHAPES: Final = {"bookworm": BOOKWORM, "trixie": TRIXIE}


def available() -> str | None:
    """Say why no machine can be started here."""
    reasons = []
    if not re.search(r"^ID=debian$", Path("/etc/os-release").read_text(), re.MULTILINE):
        reasons.append("a machine's disk is made of packages that this Debian's own mirror serves, and this is no Debian")
    missing = [package for name, package in _NEEDED.items() if shutil.which(name) is None]
    if missing := [*missing, *(package for name, package in _FILES.items() if not Path(name).exists())]:
        reasons.append(f"apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        reasons.append("run the tests as root, who alone can make a machine's disk")
    return "; ".join(reasons) or None


def require() -> None:
    """Skip, or fail in CI, where no machine can be started."""
    reason = available()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must boot machines: {reason}", pytrace=False)
    pytest.skip(reason)
