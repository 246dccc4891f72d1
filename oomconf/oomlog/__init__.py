"""Logs that tell of kills: every carrier and every era of the kernel's text into events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from oomconf.oomlog.events import Machine, Memcg, OomEvent, Task, Trigger, Victim

if TYPE_CHECKING:
    from oomconf.oomlog._transport import Part

__all__ = ["Machine", "Memcg", "OomEvent", "Reader", "Task", "Trigger", "Victim", "read"]


class Reader:
    """Reads the kills that a log tells of, line by line; what it holds does not grow with the log.

    Takes what dmesg, journalctl (short, iso, json, export), syslog and container logs print, kernels 2.6.18 to 6.19, wrapped, cut and
    interleaved (mm/oom_kill.c: dump_header, __oom_kill_process). Raises nothing on content.
    """

    def __init__(self, path: str = "-") -> None:
        # its grammar takes a tenth of a second, and who asks whose a cgroup is needs none of it
        from oomconf.oomlog._assemble import Assembler  # noqa: PLC0415

        self._assembler = Assembler(path)

    def busy(self) -> bool:
        """Whether an event is open, so that the lines to come may belong to it."""
        return self._assembler.busy

    def events(self, numbered: Iterable[tuple[int, str]]) -> Iterator[OomEvent]:
        """Give the events of numbered lines in the order in which they are over."""
        from oomconf.oomlog._export import exported  # noqa: PLC0415
        from oomconf.oomlog._joins import joined  # noqa: PLC0415

        for part in joined(_parts(exported(numbered))):
            yield from self._assembler.feed(part)
        yield from self._assembler.flush()


def read(lines: Iterable[str], path: str = "-", *, first: int = 1) -> Iterator[OomEvent]:
    """Give the kills that the lines of a log tell of, as `Reader` does; lines, with or without their ends, are counted from `first`."""
    return Reader(path).events(enumerate((line.rstrip("\r\n") for line in lines), first))


def _parts(items: Iterable[tuple[int, str] | Part]) -> Iterator[Part]:
    from oomconf.oomlog._transport import Part, Unwrapper, unescape  # noqa: PLC0415

    unwrapper = Unwrapper()
    for item in items:
        part = item if isinstance(item, Part) else unwrapper.unwrap(item[1], item[0])
        if "#0" in part.text or "\\x" in part.text or "\n" in part.text:
            for text in unescape(part.text).split("\n"):
                yield Part(text, part.number, part.at, part.host, part.source, part.framed)
        else:
            yield part
