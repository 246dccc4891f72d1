"""What programs log about kills: systemd, systemd-oomd, earlyoom, nohang, the kubelet, Docker, shells and CI runners."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from oomconf.oomlog._clue import Clue
from oomconf.oomlog._containers import conmon, containerd, docker, docker_json, evicted, kubelet, oom_killing, orchestrator, status
from oomconf.oomlog._transport import Part

__all__ = ["clue"]

_UNIT = r"(?P<unit>[^\s:/][^\s:]{0,254}(?::[^\s:]+)*\.(?:service|scope|mount|socket|swap|slice)):? "
_OOMD: Final = re.compile(r"^(?:Killed|Marked) (?P<path>/\S*)(?: for killing)? due to (?P<why>memory|swap)(?P<rest> .*)$")
_UNIT_OOM: Final = re.compile(
    rf"^{_UNIT}(?:A process of this unit has been killed by the OOM killer|The kernel OOM killer killed some processes in this unit)\.$"
)
_UNIT_OOMD: Final = re.compile(rf"^{_UNIT}systemd-oomd killed (?P<n>\d+|some) process\(es\) in this unit\.$")
_UNIT_EXIT: Final = re.compile(
    rf"^{_UNIT}(?P<which>[Mm]ain|[Cc]ontrol) process exited, code=(?P<code>killed|exited),? status=(?P<status>\d+)(?:/\S+)?(?:\s|$)"
)
_UNIT_RESULT: Final = re.compile(rf"^{_UNIT}(?:Unit entered failed state|Failed with result '(?P<result>[a-z-]+)')\.$")
# Terminating sends SIGTERM, Skipping nothing
_UNIT_TIMEOUT: Final = re.compile(
    rf"^{_UNIT}(?:State '(?P<state>[a-z-]+)'|(?P<old>[a-z-]+)|Stopping|[A-Za-z-]+ operation) timed out\. Killing\.?$"
)
_UNIT_WATCHDOG: Final = re.compile(rf"^{_UNIT}(?:W|w)atchdog timeout(?: \([^)]*\))?[!.]")
_UNIT_RUNTIME: Final = re.compile(rf"^{_UNIT}(?:Service|Scope) reached runtime time limit\. Stopping\.$")
_UNIT_KILLING: Final = re.compile(rf"^{_UNIT}Killing process (?P<pid>\d+) \((?P<name>.*)\) with signal SIGKILL\.$")
_UNIT_CLIENT: Final = re.compile(
    rf"^{_UNIT}Sent signal SIGKILL to (?:main|control) process (?P<pid>\d+) \((?P<name>.*)\) on client request\.$"
)
_EARLYOOM: Final = re.compile(
    r"^(?:sending (?P<sig>SIGTERM|SIGKILL) to process|Killing process) (?P<pid>\d+)(?: uid (?P<uid>\d+))? "
    r'"?(?P<name>.{1,64}?)"?: (?:badness|oom_score) (?P<score>-?\d+), VmRSS (?P<rss>\d+) MiB'
)
_EARLYOOM_WHY: Final = re.compile(r"^(low memory! at or below SIG(?:TERM|KILL) limits: .*)$")
_NOHANG_WHO: Final = re.compile(
    r"^\s*PID:\s+(?P<pid>\d+), [Nn]ame: (?P<name>.*?), (?:badness: (?P<score>-?\d+)|state: .*?EUID: (?P<uid>\d+))"
)
_NOHANG: Final = re.compile(r"^\s*(?:Send|Sending) (?P<sig>SIGTERM|SIGKILL) to the victim")
_NOHANG_CGROUP: Final = re.compile(r"^\s*cgroup_v[12]: (?P<path>/\S+)$")
_BASH: Final = re.compile(r"^\S*(?:bash|sh)?:? ?line \d+:\s+(?P<pid>\d+) Killed(?:\s+(?P<command>.*))?$|^Killed$")
_SUDO_KILL: Final = re.compile(r"COMMAND=\S*/(?P<tool>p?kill(?:all)?) (?P<args>(?:.* )?(?:-9|-KILL|-SIGKILL|-s (?:9|KILL|SIGKILL))\b.*)$")


_WATCHDOG: Final = "systemd: the watchdog"


def clue(part: Part) -> Clue | None:
    """Read a program's line about a death; None for any other line."""
    text, source = part.text, part.source
    if source in ("systemd", None) and ".s" in text[:280] and (found := _systemd(text)) is not None:
        return found
    reader = _BY_SOURCE.get(source or "")
    if reader is not None and (found := reader(text)) is not None:
        return found
    if source is None:
        for other in (_oomd, _earlyoom, _nohang):
            if (found := other(text)) is not None:
                return found
    for needle, anybody in _ANYBODY:
        if needle in text and (found := anybody(text)) is not None:
            return found
    return None


def _systemd(text: str) -> Clue | None:
    if match := _UNIT_OOM.match(text):
        return Clue(killer="kernel", verdict="oom", unit=match["unit"], words="systemd saw the unit's OOM counter rise")
    if match := _UNIT_OOMD.match(text):
        return Clue(
            killer="systemd-oomd",
            verdict="oom",
            unit=match["unit"],
            words=f"systemd says that systemd-oomd killed {match['n']} of its processes",
        )
    if match := _UNIT_RESULT.match(text):
        return _result(match["unit"], match["result"])
    if match := _UNIT_EXIT.match(text):
        if (match["code"], match["status"]) in (("killed", "9"), ("exited", "137")):
            return Clue(
                verdict="signal",
                unit=match["unit"],
                words="its main process ended by SIGKILL"
                if match["code"] == "killed"
                else "its main process ended with status 137, as it does when one that it ran (a shell's command, a container) got SIGKILL",
            )
        return None
    if match := _UNIT_TIMEOUT.match(text):
        state = match["state"] or match["old"] or "stop"
        if "watchdog" in state:
            return Clue(
                verdict="stop", unit=match["unit"], actor=_WATCHDOG, words="it outlived the watchdog's signal, and systemd sent SIGKILL"
            )
        stop = "stop" in state and "operation" not in text
        return Clue(
            verdict="stop",
            unit=match["unit"],
            actor=f"systemd: a {'stop ' if stop else ''}timeout",
            words="it did not end in time, and systemd sent SIGKILL",
        )
    if match := _UNIT_WATCHDOG.match(text):
        return Clue(verdict="stop", unit=match["unit"], actor=_WATCHDOG, weak=True, words="it did not answer systemd's watchdog in time")
    if match := _UNIT_RUNTIME.match(text):
        return Clue(
            verdict="stop", unit=match["unit"], actor="systemd: RuntimeMaxSec=", weak=True, words="it ran as long as RuntimeMaxSec= allows"
        )
    if match := _UNIT_KILLING.match(text):
        return Clue(verdict="stop", unit=match["unit"], actor="systemd", words=f"systemd sent SIGKILL to process {match['pid']}")
    if match := _UNIT_CLIENT.match(text):
        return Clue(
            verdict="stop",
            unit=match["unit"],
            pid=int(match["pid"]),
            name=match["name"],
            actor="systemctl kill",
            words="systemd sent SIGKILL because a client asked (systemctl kill)",
        )
    return None


def _result(unit: str, result: str | None) -> Clue | None:
    if result == "oom-kill":
        return Clue(verdict="oom", unit=unit, words="systemd gives the result 'oom-kill'")
    if result == "watchdog":
        return Clue(verdict="stop", unit=unit, actor=_WATCHDOG, weak=True, words="systemd gives the result 'watchdog'")
    if result == "timeout":
        return Clue(verdict="stop", unit=unit, actor="systemd: a timeout", weak=True, words="systemd gives the result 'timeout'")
    if result == "signal":
        return Clue(
            verdict="other",
            unit=unit,
            words="systemd gives the result 'signal', not 'oom-kill': it saw no OOM kill in the unit, or has OOMPolicy=continue",
        )
    return None


def _oomd(text: str) -> Clue | None:
    match = _OOMD.match(text)
    if match is None:
        return None
    path = match["path"]
    return Clue(
        killer="systemd-oomd",
        verdict="oom",
        cgroup=path,
        unit=path.rsplit("/", 1)[-1] or None,
        words=f"due to {match['why']}{match['rest']}",
    )


def _earlyoom(text: str) -> Clue | None:
    if match := _EARLYOOM.match(text):
        return Clue(
            killer="earlyoom", verdict="oom", pid=int(match["pid"][:10]), name=match["name"],
            uid=int(match["uid"][:10]) if match["uid"] else None,
            rss_kb=int(match["rss"][:12]) * 1024, words=f"earlyoom sent {match['sig'] or 'SIGKILL'} at a score of {match['score']}",
        )  # fmt: skip
    if match := _EARLYOOM_WHY.match(text):
        return Clue(words=match[1])
    return None


def _nohang(text: str) -> Clue | None:
    if match := _NOHANG_WHO.match(text):
        return Clue(
            killer="nohang",
            pid=int(match["pid"][:10]),
            name=match["name"],
            uid=int(match["uid"][:10]) if match["uid"] else None,
            words="nohang chose it" if match["score"] is None else f"nohang found it worst, at a badness of {match['score']}",
        )
    if match := _NOHANG_CGROUP.match(text):
        return Clue(killer="nohang", cgroup=match["path"], words="nohang names its cgroup")
    if match := _NOHANG.match(text):
        return Clue(killer="nohang", verdict="oom", words=f"nohang sent {match['sig']}")
    return None


def _shell(text: str) -> Clue | None:
    match = _BASH.match(text)
    if match is None:
        return None
    command = (match["command"] or "").strip()
    return Clue(
        verdict="signal",
        pid=int(match["pid"][:10]) if match["pid"] else None,
        name=command.split(" ")[0].rsplit("/", 1)[-1][:64] or None,
        words="the shell says Killed: the process ended by SIGKILL",
    )


def _sudo(text: str) -> Clue | None:
    match = _SUDO_KILL.search(text)
    if match is None:
        return None
    pid = re.search(r"(?:^| )(\d{1,10})$", match["args"])
    return Clue(
        verdict="stop",
        pid=None if pid is None else int(pid[1]),
        actor=f"{match['tool']} by hand",
        by_hand=True,
        words=f"somebody ran {match['tool']} {match['args']}",
    )


_BY_SOURCE: Final[dict[str, Callable[[str], Clue | None]]] = {
    "systemd-oomd": _oomd,
    "earlyoom": _earlyoom,
    "nohang": _nohang,
    "nohang-desktop": _nohang,
    "kubelet": kubelet,
    "sudo": _sudo,
    "conmon": conmon,
    "containerd": containerd,
}
_ANYBODY: Final[tuple[tuple[str, Callable[[str], Clue | None]], ...]] = (
    ("OOMKilled", orchestrator),
    ("OOMKilling", oom_killing),
    ("TaskOOM event", containerd),
    ("TaskExit event", containerd),
    ("conmon ", conmon),
    ("System OOM encountered", kubelet),
    ("low on resource: memory", evicted),
    ("exitCode=137", kubelet),
    ("container ", docker),
    ('"container"', docker_json),
    ("Killed", _shell),
    ("*** [", status),
    ("COMMAND=", _sudo),
    ("137", status),
)
