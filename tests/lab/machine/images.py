"""Disks of Debian machines, made of packages by name and of the files in guest/."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Image", "cache"]

GUEST: Final = Path(__file__).parent / "guest"
_RECIPE: Final = 1
"""Raise it when what is below makes another disk of the same packages and files."""
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LEFT_OUT: Final = ("doc", "man", "locale", "info", "icons")
_OFF: Final = ("earlyoom.service", "systemd-oomd.service", "systemd-oomd.socket", "docker.service", "docker.socket", "podman.socket")
"""A test turns these on."""
_MASKED: Final = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
    "getty@tty1.service", "serial-getty@ttyS0.service", "podman-auto-update.timer", "podman-clean-transient.service", "podman-restart.service",
    "systemd-networkd-wait-online.service",
)  # fmt: skip
"""What would wake up by itself, or wait for what is not there."""
_DISK: Final = "8G"
_APPLETS: Final = ("sh", "cat", "sleep", "ls", "grep", "echo", "env", "kill")


def cache() -> Path:
    """Give the folder that keeps images and saved boots."""
    if told := os.environ.get("OOMCONF_LAB"):
        return Path(told).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "oomconf-lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A Debian disk and the kernel that boots it."""

    name: str
    suite: str
    packages: tuple[str, ...]
    kernel_package: str = "linux-image-cloud-amd64"

    @property
    def digest(self) -> str:
        """Change with the recipe: the packages' names and everything that goes into the disk."""
        found = hashlib.sha256(repr((_RECIPE, self.suite, sorted(self.packages), self.kernel_package, _DISK, _OFF, _MASKED)).encode())
        for path in sorted(GUEST.iterdir()):
            if path.is_file():
                found.update(path.name.encode() + path.read_bytes())
        return found.hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Where the disk is, or will be."""
        return cache() / f"{self.name}-{self.digest}"

    def disk(self) -> Path:
        """Give the root disk, made now if it is not there; older recipes of the same name are removed."""
        if not (self.folder / "root.ext4").exists():
            cache().mkdir(parents=True, exist_ok=True)
            for old in cache().glob(f"{self.name}-{'[0-9a-f]' * 12}"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=cache(), prefix="new-") as made:
                # mmdebstrap's own user must reach it
                Path(made).chmod(0o755)
                _build(self, Path(made))
                os.rename(made, self.folder)  # noqa: PTH104 - the folder of a TemporaryDirectory goes elsewhere whole
                Path(made).mkdir()
        return self.folder / "root.ext4"


def _sh(*argv: str | Path) -> None:
    done = subprocess.run([str(one) for one in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        msg = f"{argv[0]} exits {done.returncode}: {done.stdout[-2000:]}"
        raise RuntimeError(msg)


def _out(*argv: str | Path) -> str:
    return subprocess.run([str(one) for one in argv], stdout=subprocess.PIPE, text=True, check=True).stdout


def _mirror() -> str:
    """The mirror that serves this machine's own release."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    rows = _out("apt-get", "indextargets", "Identifier: Packages", "Origin: Debian", "--format", "$(REPO_URI) $(CODENAME) $(RELEASE)")
    for row in rows.splitlines():
        uri, *names = row.split()
        if codename is not None and codename[1] in names:
            return uri
    msg = "no source of apt serves this machine's own Debian release"
    raise RuntimeError(msg)


def _sources(suite: str) -> Sequence[str]:
    return [f"deb [signed-by={_KEYRING}] {_mirror()} {name} main" for name in (suite, f"{suite}-updates")]


def _build(image: Image, folder: Path) -> None:
    root = folder / "root"
    sources = folder / "sources.list"
    sources.write_text("\n".join(_sources(image.suite)) + "\n")
    options = folder / "apt.conf"
    # how this machine's apt reaches its mirror holds for the image's too
    options.write_text("".join(re.findall(r"^Acquire::(?:https?|Check-|Retries).*\n", _out("apt-config", "dump"), re.MULTILINE)))
    fetch = f'cd "$1" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq download $(cat {folder}/kernel)'
    names = f'APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-cache depends --recurse --no-suggests --no-recommends {image.kernel_package} | grep -E "^linux-(image|binary|modules|base)-" | sort -u >{folder}/kernel'
    (folder / "kernel").touch()
    (folder / "kernel").chmod(0o666)
    _sh(
        "mmdebstrap", "--mode=unshare", "--variant=minbase", "--quiet", f"--aptopt={options}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        # Java's package makes a link there
        '--setup-hook=mkdir -p "$1/usr/share/man/man1"',
        f"--include={','.join(image.packages)}", f"--customize-hook={names}", f"--customize-hook={fetch}",
        image.suite, root, sources,
    )  # fmt: skip
    _add_kernel(folder, root)
    _add_guest_files(root)
    _sh("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", root, folder / "root.ext4", _DISK)
    shutil.rmtree(root)
    for name in ("sources.list", "apt.conf", "kernel"):
        (folder / name).unlink()


def _add_kernel(folder: Path, root: Path) -> None:
    """Unpack the kernel beside the disk, where qemu takes it, and its modules into the disk; make the initramfs that mounts it."""
    unpacked = folder / "unpacked"
    for deb in sorted(root.glob("*.deb")):
        _sh("dpkg", "-x", deb, unpacked)
        deb.unlink()
    modules = next(path for path in (unpacked / "lib/modules", unpacked / "usr/lib/modules") if path.is_dir())
    version = next(modules.iterdir()).name
    kernel = next(path for path in (unpacked / f"boot/vmlinuz-{version}", modules / version / "vmlinuz") if path.exists())
    shutil.copy(kernel, folder / "vmlinuz")
    (folder / "release").write_text(f"{version}\n")
    # not unpacked right into the root, where it would turn the symlink /lib into a folder
    shutil.copytree(modules, root / "usr/lib/modules", dirs_exist_ok=True)
    shutil.rmtree(unpacked)
    _sh("chroot", root, "depmod", version)
    early = folder / "early"
    for name in ("bin", "dev", "root", "modules"):
        (early / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", early / "bin")
    shutil.copy(GUEST / "init", early)
    (early / "init").chmod(0o755)
    needed = [
        path
        for name in ("virtio_pci", "virtio_blk", "ext4")
        for path in re.findall(r"^insmod (\S+)", _out("chroot", root, "modprobe", "-S", version, "--show-depends", name), re.MULTILINE)
    ]
    for number, path in enumerate(dict.fromkeys(needed)):
        to = early / "modules" / f"{number:02}-{Path(path).name}"
        shutil.copy(root / path.lstrip("/"), to)
        if to.suffix == ".xz":
            _sh("xz", "-d", to)
    with (folder / "initrd").open("wb") as file:
        subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=early, stdout=file, check=True)
    shutil.rmtree(early)


def _add_guest_files(root: Path) -> None:
    programs = root / "usr/local/bin"
    _sh("gcc", "-O2", "-static", "-Wall", "-Werror", "-o", programs / "hog", GUEST / "hog.c")
    shutil.copy(GUEST / "agent.py", programs / "lab-agent")
    (programs / "lab-agent").chmod(0o755)
    shutil.copy(GUEST / "lab-agent.service", root / "etc/systemd/system")
    (root / "etc/hostname").write_text("lab\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost lab\n")
    (root / "etc/machine-id").write_text("0" * 31 + "1\n")
    (root / "etc/fstab").write_text("")
    container = root / "usr/local/lib/lab-image"
    for name in ("bin", "tmp", "proc", "sys", "dev"):
        (container / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", container / "bin")
    shutil.copy(programs / "hog", container / "bin")
    for applet in _APPLETS:
        (container / "bin" / applet).symlink_to("busybox")
    _sh("chroot", root, "systemctl", "-q", "enable", "lab-agent.service")
    _sh("chroot", root, "systemctl", "-q", "mask", *_MASKED)
    there = {path.name for folder in ("usr/lib/systemd/system", "lib/systemd/system") for path in (root / folder).glob("*")}
    _sh("chroot", root, "systemctl", "-q", "disable", *(name for name in _OFF if name in there))
