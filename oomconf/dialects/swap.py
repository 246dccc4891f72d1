"""Swap: a script that makes and turns on what the spec lists, and the units that do so at boot (systemd.swap(5))."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._common import header
from oomconf.dialects._shell import word
from oomconf.dialects._swap_names import unit_name
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.policy import Policy, Swap


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write the script, and a unit for each area where there is a systemd."""
    if not policy.swaps:
        return Rendering()
    book = Book("swap")
    about = header(policy.source, [policy.object])
    script = needs.templates.render("swap/oomconf-swap.sh.j2", header=about, areas=[_row(swap) for swap in policy.swaps])
    artifacts = [Artifact(path="root/usr/local/sbin/oomconf-swap", text=script, mode=0o755, objects=(policy.object,))]
    without = policy.facts.is_without_systemd
    for swap in policy.swaps:
        if swap.size is not None:
            if swap.kind == "file":
                book.exact(policy.object, swap.path, "size", swap.size, "the file's bytes; the kernel keeps one page of them")
            else:
                book.approximated(policy.object, swap.path, "size", swap.size, "a device has the size it has")
        if swap.priority is not None:
            book.exact(policy.object, swap.path, "priority", swap.priority)
        if not without:
            name = unit_name(swap.path)
            priority = "" if swap.priority is None else str(swap.priority.value)
            text = needs.templates.render(
                "swap/unit.swap.j2", header=about, path=swap.path.replace("%", "%%"), priority=priority, name=word(name)
            )
            artifacts.append(Artifact(path=f"root/etc/systemd/system/{name}", text=text, objects=(policy.object,)))
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _row(swap: Swap) -> str:
    size = "-" if swap.size is None or swap.size.value is None else str(int(swap.size.value))
    priority = "-" if swap.priority is None else str(swap.priority.value)
    return " ".join([swap.kind, word(swap.path), size, priority])


DIALECT: Final = Dialect(
    name="swap",
    summary="usr/local/sbin/oomconf-swap and a .swap unit for each area",
    render=render,
    proven="systemd-analyze verify, systemd-escape, mkswap; shellcheck, dash, busybox sh; a booted kernel",
)
