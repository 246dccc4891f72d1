"""What a program's line says of a death."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from oomconf.oomlog.events import Killer

__all__ = ["Clue", "Verdict"]

Verdict = Literal["oom", "signal", "stop", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """One line that tells of a death: whose, and what it says for or against the OOM killer."""

    killer: Killer | None = None
    """Who did it, where the line itself says so."""
    verdict: Verdict = "other"
    """`oom`: it says so. `signal`: SIGKILL, by nobody named. `stop`: somebody named sent it. `other`: more of a death told elsewhere."""
    words: str
    unit: str | None = None
    container: str | None = None
    pod: str | None = None
    pid: int | None = None
    name: str | None = None
    uid: int | None = None
    rss_kb: int | None = None
    oom_score_adj: int | None = None
    cgroup: str | None = None
    actor: str | None = None
    by_hand: bool = False
    """Whether somebody ran a kill, which is no death yet."""
    weak: bool = False
    """Whether it counts only beside a death that something else tells of."""
    against: str | None = None
    """What the same line says against the OOM killer."""

    @property
    def key(self) -> str:
        """What the lines of one death have in common."""
        return self.unit or self.container or self.pod or (f"pid {self.pid}" if self.pid is not None else "")
