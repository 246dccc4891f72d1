"""systemd 250 or newer: what its own parser makes of units, drop-ins, configuration files and single values."""

from __future__ import annotations

import ctypes
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from consumers import folder, need, write_tree

__all__ = [
    "UNLIMITED",
    "available",
    "cat_config_order",
    "effective",
    "messages",
    "oom_score_adjust",
    "permyriad",
    "require",
    "size",
    "verify",
    "version",
]

# systemd.unit(5): the load path in order of precedence; a key of `units` without one of these prefixes stands in `_OWN`.
_SYSTEM = (
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)
_USER = ("etc/systemd/user", "run/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user")
_OWN = ("etc/systemd/system", "etc/systemd/user")
_TYPES = ("service", "slice", "socket", "mount", "swap", "scope", "target", "timer", "path", "automount")
_ENTRY = "oomconf-oracle.target"
_MINIMUM = 250
_NOBODY = 65534
UNLIMITED = str(2**64 - 1)
_BINARY = "/usr/lib/systemd/systemd"

# What verify says of the machine it runs on, not of the file: the daemon's own binary and units that only a booted host has.
_HOST_NOISE = re.compile(r"Command .* is not executable: |Failed to create .*/start: Unit .* not found|is marked executable\. Please")


@functools.cache
def version() -> int | None:
    """Give the major version of the installed systemd."""
    if shutil.which("systemd-analyze") is None:
        return None
    said = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else None


@functools.cache
def _manager_fault() -> str | None:
    """Say why a manager in test mode does not start here: it wants a cgroup tree that it can read (a bare chroot has none)."""
    try:
        _dump({"oracle.slice": "[Slice]\n"}, (), user=False)
    except RuntimeError as error:
        return str(error).splitlines()[-1]
    return None


def available() -> str | None:
    """Say why systemd cannot be asked."""
    found = version()
    if found is None:
        return "systemd-analyze is not installed"
    if found < _MINIMUM:
        return f"systemd {found} is older than {_MINIMUM}"
    return _manager_fault() if os.access(_BINARY, os.X_OK) else f"{_BINARY} is not installed"


def require() -> None:
    """Skip, or fail in CI, where systemd cannot be asked."""
    need(available())


def _unit_of(path: PurePosixPath) -> str | None:
    """Give the unit that a file belongs to: itself, or the one that its `X.d` folder names; None for what is no unit's.

    Drop-ins for many units (`service.d`, `web-.service.d`) get one that they apply to.
    """
    name = path.parent.name.removesuffix(".d") if path.parent.name.endswith(".d") else path.name
    stem, _, kind = name.rpartition(".")
    if kind not in _TYPES:
        return None
    return f"{stem}oracle.{kind}" if not stem or (stem.endswith("-") and stem != "-") else name


def _stub(unit: str) -> str:
    body = {
        "service": "[Service]\nExecStart=/bin/true\n",
        "socket": "[Socket]\nListenStream=/run/oomconf-oracle.sock\nAccept=yes\n",
        "mount": f"[Mount]\nWhat=tmpfs\nWhere=/{unit.removesuffix('.mount').replace('-', '/')}\n",
        "swap": f"[Swap]\nWhat=/{unit.removesuffix('.swap').replace('-', '/')}\n",
        "timer": "[Timer]\nOnBootSec=1h\n",
        "path": "[Path]\nPathExists=/\n",
    }.get(unit.rpartition(".")[2], "")
    return f"[Unit]\nDefaultDependencies=no\n{body}"


def _laid_out(units: Mapping[str, str], places: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Give the files with stubs for units that have only drop-ins, and the names of all units (a template by its instance `oracle`)."""
    files: dict[str, str] = {}
    own = next(place for place in places if place in _OWN)
    for name, text in units.items():
        at = name.lstrip("/").removeprefix("root/")
        files[at if at.startswith(tuple(f"{place}/" for place in places)) else f"{own}/{at}"] = text
    named = {unit for name in files if (unit := _unit_of(PurePosixPath(name))) is not None}
    whole = {unit for name in files if (unit := _unit_of(PurePosixPath(name))) == PurePosixPath(name).name}
    for unit in sorted(named):
        stem, _, kind = unit.rpartition(".")
        template = f"{stem.partition('@')[0]}@.{kind}" if "@" in stem else unit
        if unit not in whole and template not in whole and kind != "scope":
            files[f"{places[-1]}/{template}"] = _stub(template)
            whole.add(template)
    names = {f"{unit.rpartition('.')[0]}oracle.{unit.rpartition('.')[2]}" if "@." in unit else unit for unit in named | whole}
    return files, sorted(names)


def _strip(text: str, root: Path) -> str:
    for place in (*_SYSTEM, *_USER):
        text = text.replace(f"{root}/{place}/", "")
    return text.replace(f"{root}/", "")


def verify(units: Mapping[str, str]) -> list[str]:
    """Give the messages of `systemd-analyze verify` on units and drop-ins; none means that every line was taken.

    Keys are paths below a unit directory (`web.service`, `web.service.d/60-oomconf.conf`) or below the root (`etc/systemd/system/…`).
    A drop-in whose unit is not given gets a stub. Left out are words on this machine: a daemon's binary or dependency that is not here.
    """
    files, names = _laid_out(units, _SYSTEM)
    at = {PurePosixPath(path).name: path for path in files if not PurePosixPath(path).parent.name.endswith(".d")}
    for name in names:  # verify takes files, and so an instance must be one
        if name not in at and "@" in name:
            stem, _, kind = name.rpartition(".")
            at[name] = f"{_SYSTEM[-1]}/{name}"
            files[at[name]] = files[at[f"{stem.partition('@')[0]}@.{kind}"]]
    with folder(files) as root:
        paths = [str(root / at[name]) for name in names if name in at]
        run = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *paths],
            env={
                "PATH": os.environ["PATH"],
                "SYSTEMD_UNIT_PATH": ":".join(str(root / place) for place in _SYSTEM),
                "SYSTEMD_LOG_COLOR": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [_strip(line, root) for line in run.stderr.splitlines() if line and not _HOST_NOISE.search(line)]
    if run.returncode < 0:
        lines.append(f"systemd-analyze ended by signal {-run.returncode}")
    return list(dict.fromkeys(lines))


def _dump(units: Mapping[str, str], also: Iterable[str], *, user: bool) -> tuple[str, str, str]:
    places = _USER if user else _SYSTEM
    files, names = _laid_out(units, places)
    wants = " ".join(sorted({*names, *also}))
    files[f"{places[-1]}/{_ENTRY}"] = f"[Unit]\nDefaultDependencies=no\nWants={wants}\n"
    with folder(files) as root:
        runtime = root / "runtime"
        write_tree(root, {"runtime/.keep": ""})
        runtime.chmod(0o777)
        as_root = os.geteuid() == 0  # a manager in test mode refuses to run as root
        run = subprocess.run(
            [_BINARY, "--test", "--user" if user else "--system", f"--unit={_ENTRY}"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(runtime),
                "XDG_RUNTIME_DIR": str(runtime),
                "SYSTEMD_UNIT_PATH": ":".join(str(root / place) for place in places),
                "SYSTEMD_LOG_COLOR": "0",
            },
            cwd="/",
            user=_NOBODY if as_root else None,
            group=_NOBODY if as_root else None,
            extra_groups=[] if as_root else None,
            capture_output=True,
            text=True,
            check=False,
        )
        out, err = _strip(run.stdout, root), _strip(run.stderr, root)
    if run.returncode or "-> Unit " not in out:
        msg = f"systemd --test failed with {run.returncode}: {err}"
        raise RuntimeError(msg)
    return wants, out, err


def effective(units: Mapping[str, str], *, also: Iterable[str] = (), user: bool = False) -> dict[str, dict[str, str]]:
    """Give each unit's properties after systemd has parsed and merged all its files, in the words of the manager's dump.

    Keys as in `verify`; several directories may be mixed and take precedence as on a host (`usr/lib/systemd/system/…` under `etc/…`).
    Sizes are bytes; unlimited is `18446744073709551615` (`UNLIMITED`). `MemoryMin/Low/High/Max/SwapMax`, `OOMScoreAdjust`, `OOMPolicy`,
    `ManagedOOM*`, `Slice`, `Restart`, `TasksMax`, `Delegate`; `DropIn Path` and `Environment` hold one item a line.
    A service that says no score shows the score of this process.
    A template is shown by its instance `NAME@oracle.service`; `also` names further units to load (instances, derived slices).
    """
    wants, out, _ = _dump(units, also, user=user)
    loaded: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    for line in out.splitlines():
        if line.startswith("\t-> Unit "):
            current = loaded.setdefault(line.removeprefix("\t-> Unit ").removesuffix(":"), {})
        elif line.startswith("\t\t") and not line.startswith(("\t\t\t", "\t\t->")) and current is not None:
            key, colon, value = line.strip("\t").partition(": ")
            if colon:
                current[key] = f"{current[key]}\n{value}" if key in current else value
        elif not line.startswith("\t"):
            current = None
    asked = set(wants.split())
    # The host's mounts and what a booted host would pull in are in the dump too.
    return {
        name: said
        for name, said in sorted(loaded.items())
        if name in asked or (name.endswith(".slice") and said["Unit Load State"] == "loaded")
    }


def messages(units: Mapping[str, str], *, also: Iterable[str] = (), user: bool = False) -> list[str]:
    """Give what the manager itself says while loading, which `verify` cannot do for user units."""
    wants, _, err = _dump(units, also, user=user)
    # The rest is about the machine: its virtualisation, its generators, its mounts.
    ours = tuple(f"{unit}: " for unit in wants.split())
    return [line for line in err.splitlines() if line.startswith(ours) or re.match(r"\S+:\d+: ", line)]


def cat_config_order(files: Mapping[str, str], config: str = "sysctl.d") -> list[str]:
    """Give the files, in the order in which systemd reads them, of a configuration (`sysctl.d`, `systemd/oomd.conf`); later wins.

    Keys are paths below the root (`etc/sysctl.d/90-oomconf.conf`); files hidden by a namesake of higher precedence are not in the answer.
    """
    with folder(files) as root:
        run = subprocess.run(
            ["systemd-analyze", f"--root={root}", "cat-config", "--no-pager", config],
            env={"PATH": os.environ["PATH"], "SYSTEMD_COLORS": "0", "SYSTEMD_URLIFY": "0"},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.removeprefix(f"# {root}/") for line in run.stdout.splitlines() if line.startswith(f"# {root}/")]


@functools.cache
def _shared() -> ctypes.CDLL:
    # Loaded in this process for its pure parsers alone; the library is private to systemd and bears the version in its name.
    found = sorted(Path("/usr/lib").glob("**/libsystemd-shared-*.so"))
    if not found:
        msg = "libsystemd-shared is not installed"
        raise FileNotFoundError(msg)
    return ctypes.CDLL(str(found[-1]))


def size(text: str) -> int | None:
    """Give the bytes that `parse_size(…, 1024)` reads, or None where it refuses (src/basic/parse-util.c)."""
    value = ctypes.c_uint64()
    refused = _shared().parse_size(text.encode(), ctypes.c_uint64(1024), ctypes.byref(value))
    return None if refused < 0 else value.value


def permyriad(text: str) -> int | None:
    """Give the hundredths of a percent that `parse_permyriad` reads, or None where it refuses (src/basic/percent-util.c)."""
    value = int(_shared().parse_permyriad(text.encode()))
    return None if value < 0 else value


def oom_score_adjust(text: str) -> int | None:
    """Give the score that `parse_oom_score_adjust` reads, or None where it refuses."""
    value = ctypes.c_int()
    refused = _shared().parse_oom_score_adjust(text.encode(), ctypes.byref(value))
    return None if refused < 0 else value.value
