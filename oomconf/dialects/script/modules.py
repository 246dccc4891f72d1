"""Ansible modules that put files of a role, single options and Kubernetes objects in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from oomconf.dialect import Document, Entry, Nested, Sources
from oomconf.dialects._jinja import part
from oomconf.dialects._nested import written_in
from oomconf.dialects._single import LINES, VALUES
from oomconf.dialects._templates import is_filled_in
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.script.inside import text_of
from oomconf.location import Location

__all__ = ["defined", "looped_sysctls", "oom_killer", "option", "source"]

_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}")
_OF_ITEM: Final = re.compile(r"\{\{\s*item\.(\w+)\s*\}\}")
_LOOPS: Final = ("loop", "with_items", "with_list")
_TRUE: Final = ("true", "yes", "on", "1", "y", "t")


def source(module: str, node: Mapping, task: str, sources: Sources) -> Iterator[Nested]:
    """Give the file that `template` or `copy` puts at a dest, as what its dest makes of it."""
    src, dest = text_of(node, "src"), text_of(node, "dest") or text_of(node, "path")
    is_far = src.startswith(("/", "..")) or text_of(node, "remote_src").lower() in _TRUE
    if not src or not dest or is_filled_in(src) or is_far:
        return
    path = _EXPRESSION.sub("x", dest).lstrip("/")
    if path.endswith("/"):
        path += src.rpartition("/")[2].removesuffix(".j2")
    folder = "templates" if module == "template" else "files"
    above = task.rpartition("/")[0]
    found = next((one for name in _names(above, folder, src) if (one := sources.get(name)) is not None), None)
    nested = None if found is None else part(found, path)
    if nested is not None:
        yield nested


def _names(above: str, folder: str, src: str) -> Iterator[str]:
    """Where Ansible looks for a file: in the role, then beside the playbook."""
    role, _, last = f"/{above}".rpartition("/")
    for base in ((role.lstrip("/"),) if last in ("tasks", "handlers") else ()) + (above,):
        yield f"{base}/{folder}/{src}".lstrip("/")
    yield f"{above}/{src}".lstrip("/")


def option(node: Mapping) -> Iterator[Nested]:
    """Give what `ini_file` puts into a file, as a file of that alone."""
    path, section = text_of(node, "path") or text_of(node, "dest"), text_of(node, "section")
    key, value = node.get("option"), node.get("value")
    if not isinstance(key, Scalar) or not isinstance(value, Scalar) or not path or text_of(node, "state") == "absent":
        return
    if not any(is_filled_in(text) or "\n" in text for text in (section, key.text, value.text)):
        header = f"[{section}]" if section and section != "null" else ""
        text = f"{header}\n{key.text}={value.text}\n"
        yield Nested(Document(_EXPRESSION.sub("x", path).lstrip("/"), text), value.at, LINES, (key.at, value.at))


def defined(node: Mapping, lines: list[str]) -> Iterator[Nested]:
    """Give the objects that `k8s` creates."""
    said: Node | None = node.get("definition") or node.get("resource_definition")
    if text_of(node, "state") == "absent":
        return
    for one in said if isinstance(said, Sequence) else (said,):
        if isinstance(one, Scalar) and "\n" in one.text:
            nested = written_in("definition.yaml", one, lines)
            yield replace(nested, kept=VALUES)
        elif isinstance(one, Mapping):
            at = one.at
            rows = lines[at.line - 1 : at.end_line]
            if at.line == at.end_line:
                rows = [lines[at.line - 1][: at.end_column - 1]]
            elif at.end_column <= at.column:
                rows = rows[:-1]
            text = "\n".join(row[at.column - 1 :] for row in rows)
            yield Nested(Document("definition.yaml", text), at, VALUES)


def oom_killer(node: Mapping, module: str, name: str) -> Iterator[Entry]:
    """Note `oom_killer: true`, which is OomKillDisable (community.docker: module_utils/module_container/docker_api.py)."""
    said = node.get("oom_killer")
    if module == "docker_container" and isinstance(said, Scalar) and said.text.lower() in _TRUE:
        fault = "oom_killer: true disables the OOM killer: with cgroup v2 the engine drops it, and with v1 the container hangs at its limit"
        yield Entry("script", name, module, "oom_killer", said.text, said.at, fault, "remove it, and say a limit that is enough", "gone")


def looped_sysctls(node: Mapping, task: Mapping) -> Iterator[tuple[str, str, Location]]:
    """Give the keys and values of a `sysctl` whose name and value are those of the items of a loop."""
    name, value = (_OF_ITEM.fullmatch(text_of(node, key).strip()) for key in ("name", "value"))
    if name is None or value is None:
        return
    for key in _LOOPS:
        items = task.get(key)
        for item in items if isinstance(items, Sequence) else ():
            said = item.get(value[1]) if isinstance(item, Mapping) else None
            known = text_of(item, name[1])
            if isinstance(said, Scalar) and known and not is_filled_in(known) and not is_filled_in(said.text):
                yield known, said.text, said.at
    pairs = task.get("with_dict")
    if (name[1], value[1]) == ("key", "value") and isinstance(pairs, Mapping):
        for known, said in pairs.items():
            if isinstance(said, Scalar) and not is_filled_in(known) and not is_filled_in(said.text):
                yield known, said.text, said.at
