"""cloud-init's user data: what it runs and writes at the first boot, and its swap (cloud-init: cc_runcmd, cc_write_files, cc_mounts)."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._entries import unparsed
from oomconf.dialects._nested import written_in
from oomconf.dialects._yaml import Mapping, Scalar, Sequence, compose
from oomconf.dialects.script.inside import ran, text_of
from oomconf.dialects.script.says import Said
from oomconf.policy import Setting, Swap
from oomconf.quantity import Size, SizeError, docker

__all__ = ["cloud_config"]

_COMMANDS: Final = ("bootcmd", "runcmd")


def cloud_config(document: Document, said: Said) -> None:
    """Take the commands, files and swap of a `#cloud-config`."""
    found, faults = compose(document.text, path=document.path)
    said.entries += unparsed("script", document.path, faults)
    lines = document.text.split("\n")
    for one in found:
        root = one.root
        if not isinstance(root, Mapping):
            continue
        for key in _COMMANDS:
            items = root.get(key)
            for item in items if isinstance(items, Sequence) else ():
                for step in ran(item, lines):
                    said.take(step)
        files = root.get("write_files")
        for item in files if isinstance(files, Sequence) else ():
            _file(item, lines, said) if isinstance(item, Mapping) else None
        swap = root.get("swap")
        if isinstance(swap, Mapping):
            _swap(swap, said)


def _file(item: Mapping, lines: list[str], said: Said) -> None:
    content = item.get("content")
    if isinstance(content, Scalar) and text_of(item, "encoding") in ("", "text/plain"):
        said.nested.append(written_in(text_of(item, "path").lstrip("/"), content, lines))


def _swap(node: Mapping, said: Said) -> None:
    size = node.get("size")
    value: Size | None = None
    if isinstance(size, Scalar):
        try:
            value = None if size.text == "auto" else docker.parse(size.text)
        except SizeError:
            value = None
    said.swaps.append(
        Swap(
            path=text_of(node, "filename") or "/swap.img",
            kind="file",
            at=node.at,
            size=None if not isinstance(size, Scalar) else Setting(value, size.at, text=size.text),
        )
    )
