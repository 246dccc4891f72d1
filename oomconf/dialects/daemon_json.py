"""Docker's daemon.json, read only: what it says of cgroups and shared memory, and what keeps the daemon from starting (dockerd(8))."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from oomconf.dialect import Dialect, Document, Entry, FaultOf, Reading, Sources
from oomconf.dialects._templates import is_templated
from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.dialects._yaml import Sequence as Items
from oomconf.location import Location
from oomconf.policy import Facts, Policy, Setting
from oomconf.quantity import SizeError, docker

_KNOWN: Final = frozenset({"default-shm-size"})
_SUSPECT: Final = ("mem", "oom", "swap", "shm")
_DRIVER: Final = "native.cgroupdriver="
_DRIVERS: Final = ("systemd", "cgroupfs")


def claims(path: str) -> bool:
    """daemon.json, in whichever folder."""
    return path == "daemon.json" or path.endswith("/daemon.json")


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read what a host's daemon is told; one policy for its facts. Never raises."""
    entries: list[Entry] = []
    driver: Setting[str] | None = None
    for document in documents:
        broken = _broken(document)
        if broken is not None:
            entries.append(broken)
            continue
        for one in compose(document.text, path=document.path)[0]:
            if isinstance(one.root, Mapping):
                entries += _judged(one.root)
                driver = _driver(one.root) or driver
    if driver is None:
        return Reading((), tuple(entries))
    return Reading((Policy(name="host", object="host", facts=Facts(docker_cgroup_driver=driver)),), tuple(entries))


def _broken(document: Document) -> Entry | None:
    """The daemon reads JSON and nothing else: no comments, no commas at the end. An empty file is none at all."""
    if not document.text.strip() or "{{" in document.text:
        return None
    try:
        json.loads(document.text)
    except json.JSONDecodeError as error:
        at = _place(document, error.pos)
        return _entry(
            "daemon.json", "", at, "is no JSON: dockerd does not start", "JSON has no comments, and no comma before a closing bracket"
        )
    except (RecursionError, ValueError):
        at = Location(document.path, 1, 1, 1, 1)
        return _entry("daemon.json", "", at, "is no JSON that can be read: dockerd does not start")
    return None


def _place(document: Document, index: int) -> Location:
    """Where reading stops; a comma too many is pointed at itself, which Python does from 3.13 on alone."""
    text = document.text
    before = text[:index].rstrip()
    if text[index : index + 1] in ("}", "]") and before.endswith(","):
        index = len(before) - 1
    line, column = text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
    return Location(document.path, line, column, line, column + 1)


def _judged(root: Mapping) -> Iterator[Entry]:
    for key, at in root.keys_at.items():
        if key == "oom-score-adjust":
            fault = "is gone since Docker 25.0: dockerd does not start with it"
            yield _entry(key, "", at.at, fault, "write OOMScoreAdjust= in a drop-in of docker.service", "key")
        elif key not in _KNOWN and any(part in key.lower() for part in _SUSPECT):
            hint = "containers have no default limit: say it for each, or in a slice that cgroup-parent names"
            yield _entry(key, "", at.at, "is no key of daemon.json: dockerd does not start", hint, "key")
    shm = root.get("default-shm-size")
    if isinstance(shm, Scalar):
        yield _entry("default-shm-size", shm.text, shm.at, *_shm(shm))
    parent = root.get("cgroup-parent")
    if isinstance(parent, Scalar):
        driver = _driver(root)
        bad = driver is not None and driver.value == "systemd" and not (parent.text.endswith(".slice") and len(parent.text) > len(".slice"))
        fault = "is no slice, which the systemd driver wants: dockerd does not start" if bad else ""
        yield _entry("cgroup-parent", parent.text, parent.at, fault, f"write {parent.text}.slice" if bad else "")


def _shm(node: Scalar) -> tuple[str, str]:
    if node.is_plain:
        return "is a number, and dockerd wants a text: it does not start", f'write "{node.text}"'
    if is_templated(node.text):
        return "", ""
    try:
        docker.parse(node.text)
    except SizeError as error:
        return f"keeps dockerd from starting: {error.message}", error.hint
    return "", ""


def _driver(root: Mapping) -> Setting[str] | None:
    options: Node | None = root.get("exec-opts")
    for item in options if isinstance(options, Items) else ():
        if isinstance(item, Scalar) and item.text.startswith(_DRIVER):
            value = item.text.removeprefix(_DRIVER)
            return Setting(value if value in _DRIVERS else None, item.at, text=item.text)
    return None


def _entry(key: str, value: str, at: Location, fault: str = "", hint: str = "", kind: FaultOf = "value") -> Entry:
    return Entry("daemon-json", "dockerd", "", key, value, at, fault, hint, kind)


DIALECT: Final = Dialect(
    name="daemon-json",
    summary="etc/docker/daemon.json: read only",
    claims=claims,
    read=read,
    proven="by documentation: the answers of dockerd --validate",
)
