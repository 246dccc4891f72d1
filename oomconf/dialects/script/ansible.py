"""Ansible tasks: the modules that run commands, write files, set sysctls and start containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from oomconf.dialect import Document, Entry, Sources
from oomconf.dialects._containers import said_restart, swap_beside
from oomconf.dialects._entries import unparsed
from oomconf.dialects._hints import Placed, adjust_file, heard
from oomconf.dialects._nested import is_rest, written_in
from oomconf.dialects._templates import is_filled_in
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, compose
from oomconf.dialects.script.beside import added
from oomconf.dialects.script.inside import ran, text_of
from oomconf.dialects.script.modules import defined, looped_sysctls, oom_killer, option, source
from oomconf.dialects.script.says import Said
from oomconf.placement import DockerContainer
from oomconf.policy import Amount, Setting, Workload, size_of
from oomconf.quantity import INFINITY, Size, SizeError, docker

__all__ = ["playbook"]

_LISTS: Final = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
_COMMANDS: Final = frozenset({"shell", "command", "raw", "script"})
_ENGINES: Final = ("docker_container", "podman_container")
_DEEPEST: Final = 20
_LOOPS: Final = ("loop", "with_items", "with_list")
_ITEM: Final = re.compile(r"\{\{\s*item\s*\}\}")
_SCORES: Final = 1000
_SAID: Final = ("memory", "memory_reservation", "memory_swap", "oom_score_adj")
_OPTION: Final = re.compile(r"^(?:Startup|Default)?Memory|OOM|^vm\.")
_MEMORY: Final = ("memory", "mem_", "memswap", "oom_", "shm_size", "kernel_memory", "limits_memory")
_UNLIMITED: Final = ("-1", "unlimited")


def playbook(document: Document, said: Said, sources: Sources) -> None:
    """Take the tasks of a playbook or of a file of tasks."""
    found, faults = compose(document.text, path=document.path)
    said.entries += unparsed("script", document.path, faults)
    lines = document.text.split("\n")
    for one in found:
        for task in _tasks(one.root, 0):
            _task(task, lines, said)
            _files(task, lines, said, sources)


def _tasks(node: Node | None, depth: int) -> Iterator[Mapping]:
    for item in node if isinstance(node, Sequence) and depth < _DEEPEST else ():
        if isinstance(item, Mapping):
            inner = [item[key] for key in _LISTS if key in item]
            if not inner:
                yield item
            for part in inner:
                yield from _tasks(part, depth + 1)


def _task(task: Mapping, lines: list[str], said: Said) -> None:
    looped = any(key in task for key in ("loop", "with_items"))
    for key, node in task.items():
        module = key.rpartition(".")[2]
        if module in _COMMANDS:
            command = node.get("cmd") or node.get("argv") if isinstance(node, Mapping) else node
            for step in ran(command, lines):
                said.take(step)
        elif not isinstance(node, Mapping):
            continue
        elif module == "sysctl":
            _sysctl(node, task, said)
        elif module in ("copy", "blockinfile", "lineinfile"):
            _file(module, node, lines, said)
            _looped(module, node, task, lines, said)
        elif module in _ENGINES and not looped:
            _container(node, said, module)
            said.entries += (*oom_killer(node, module, text_of(node, "name")), *_beside(module, node, said.name, _SAID))
        else:
            said.entries += _beside(module, node, said.name)


def _files(task: Mapping, lines: list[str], said: Said, sources: Sources) -> None:
    """Take the files that a task puts in place, or the one option of a file."""
    for key, node in task.items():
        module = key.rpartition(".")[2]
        if not isinstance(node, Mapping):
            continue
        if module in ("template", "copy"):
            said.nested += source(module, node, said.document.path, sources)
        elif module == "ini_file":
            said.nested += option(node)
        elif module == "k8s":
            said.nested += defined(node, lines)


def _beside(module: str, node: Mapping, name: str, said: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Give what a module says of memory that nothing else reads."""
    if module == "ini_file" and _OPTION.search(text_of(node, "option")):
        yield Entry("script", name, "beside", f"ini_file {text_of(node, 'option')}", text_of(node, "value"), node.at, kind="beside")
    for key, value in node.items():
        if key.startswith(_MEMORY) and key not in said and isinstance(value, Scalar):
            yield Entry("script", name, "beside", f"{module}.{key}", value.text, value.at, kind="beside")


def _sysctl(node: Mapping, task: Mapping, said: Said) -> None:
    value = node.get("value")
    for name, text, at in looped_sysctls(node, task) if text_of(node, "state") != "absent" else ():
        said.says_sysctl(name.replace("/", "."), text, at)
    if isinstance(value, Scalar) and text_of(node, "state") != "absent" and not is_filled_in(text_of(node, "name")):
        said.says_sysctl(text_of(node, "name").replace("/", "."), None if is_filled_in(value.text) else value.text, value.at, "task")


def _file(module: str, node: Mapping, lines: list[str], said: Said) -> None:
    key = {"copy": "content", "blockinfile": "block", "lineinfile": "line"}[module]
    content = node.get(key)
    path = text_of(node, "dest") or text_of(node, "path")
    if isinstance(content, Scalar) and path and text_of(node, "state") != "absent":
        if module != "copy" and is_rest(path, content.text):
            said.entries += added(said.name, path, content.text, content.at)
            return
        said.nested.append(written_in(path.lstrip("/"), content, lines))


def _looped(module: str, node: Mapping, task: Mapping, lines: list[str], said: Said) -> None:
    """Take the lines that a loop over plain values writes, each where it stands in the list."""
    line, path = node.get("line"), text_of(node, "dest") or text_of(node, "path")
    if module != "lineinfile" or not isinstance(line, Scalar) or _ITEM.fullmatch(line.text.strip()) is None or is_filled_in(path):
        return
    if text_of(node, "state") == "absent":
        return
    for key in _LOOPS:
        items = task.get(key)
        for item in items if isinstance(items, Sequence) else ():
            if isinstance(item, Scalar) and not is_filled_in(item.text) and not is_rest(path, item.text):
                said.nested.append(written_in(path.lstrip("/"), item, lines))
            elif isinstance(item, Scalar):
                said.entries += added(said.name, path, item.text, item.at)


def _container(node: Mapping, said: Said, module: str) -> None:
    """community.docker.docker_container and containers.podman.podman_container; memory_swap is a total."""
    name = text_of(node, "name")
    if text_of(node, "state") == "absent":
        return
    fields: dict[str, Any] = {}
    maximum = _size(node, ("memory", module, name), said)
    low = _size(node, ("memory_reservation", module, name), said)
    swap = node.get("memory_swap")
    if maximum is not None:
        fields["memory_max"] = maximum
    if low is not None:
        fields["memory_low"] = low
    if isinstance(swap, Scalar):
        fields["memory_swap_max"] = _judged(swap, lambda text: _swap(text, maximum), ("memory_swap", module, name), said)
    score = node.get("oom_score_adj")
    if isinstance(score, Scalar):
        fields["oom_score_adj"] = _judged(score, _score, ("oom_score_adj", module, name), said)
    restart = node.get("restart_policy")
    if isinstance(restart, Scalar) and not is_filled_in(restart.text):
        fields["restart"] = Setting(said_restart(restart.text), restart.at, text=restart.text)
    env = node.get("env")
    variables: dict[str, Placed] = {}
    for variable, value in env.items() if isinstance(env, Mapping) else ():
        if isinstance(value, Scalar):
            variables[variable] = (value.text, value.at)
    image = text_of(node, "image")
    hints, refused = heard("script", name, variables, at=node.at)
    said.entries += refused
    place = DockerContainer(name=name, image=image or None, engine=module.partition("_")[0], is_whole=False)
    said.workloads.append(
        Workload(
            name=name,
            object=name or said.name,
            at=node.at,
            placement=place,
            image=image or None,
            runtimes=hints,
            oom_adjust_file=adjust_file(variables),
            **fields,
        )
    )


def _size(node: Mapping, place: tuple[str, str, str], said: Said) -> Setting[Amount] | None:
    value = node.get(place[0])
    found = _judged(value, _amount, place, said) if isinstance(value, Scalar) else None
    return None if found is None or found.value == 0 else found


def _amount(text: str) -> Size:
    try:
        return docker.parse(text)
    except SizeError as error:
        raise SizeError(f"the module fails: {error.message}", error.hint) from error


def _judged(node: Scalar, parse: Callable[[str], Any], place: tuple[str, str, str], said: Said) -> Setting[Any]:
    """Read a value; what the engine or the module refuses is an entry with its key, module and container."""
    key, module, name = place
    value: Any = None
    fault = hint = ""
    try:
        value = None if is_filled_in(node.text) else parse(node.text)
    except SizeError as error:
        fault, hint = error.message, error.hint
    said.entries.append(Entry("script", name, module, key, node.text, node.at, fault, hint))
    return Setting(value, node.at, text=node.text)


def _score(text: str) -> int:
    value = docker.parse_int(text)
    if not -_SCORES <= value <= _SCORES:
        raise SizeError(f"is not between -{_SCORES} and {_SCORES}: the engine refuses it")
    return value


def _swap(text: str, maximum: Setting[Amount] | None) -> Size | None:
    return INFINITY if text in _UNLIMITED else swap_beside(docker.parse(text), size_of(maximum))
