"""What a container is told to run, and its environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Ran
from oomconf.dialects._commands import may_tune
from oomconf.dialects._hints import Placed
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text

__all__ = ["command", "ran", "variables"]

_LEAST: Final = -997
"""The score of a container of a Guaranteed pod, below which no other starts (pkg/kubelet/qos/policy.go)."""


def variables(container: Mapping) -> dict[str, Placed]:
    """Give the values that stand in its `env`."""
    env = container.get("env")
    found: dict[str, Placed] = {}
    for item in env if isinstance(env, Sequence) else ():
        value = item.get("value") if isinstance(item, Mapping) else None
        if isinstance(item, Mapping) and isinstance(value, Scalar):
            found[text(item.get("name"))] = (value.text, value.at)
    return found


def command(container: Mapping) -> list[Placed]:
    """Give the words of its command and of its arguments."""
    return [*_words(container.get("command")), *_words(container.get("args"))]


def ran(thing: str, container: Mapping) -> Iterator[Ran]:
    """Give what it runs, hooks of its life too, that may set a score or a sysctl."""
    hooks = [_words(inside(container, "lifecycle", hook, "exec", "command")) for hook in ("postStart", "preStop")]
    for words in (command(container), *hooks):
        if any(may_tune(word) for word, _ in words):
            yield Ran(thing, tuple(words), "pod", words[0][1], floor=None if _may_lower(container) else _LEAST)


def _may_lower(container: Mapping) -> bool:
    context = container.get("securityContext")
    added = inside(context, "capabilities", "add")
    caps = {text(one).upper().removeprefix("CAP_") for one in added} if isinstance(added, Sequence) else set()
    return text(inside(context, "privileged")) == "true" or bool(caps & {"ALL", "SYS_RESOURCE"})


def _words(node: Node | None) -> list[Placed]:
    return [(word.text, word.at) for word in node if isinstance(word, Scalar)] if isinstance(node, Sequence) else []
