"""What container runtimes, orchestrators and CI runners log about deaths."""

from __future__ import annotations

import json
import re
from typing import Final

from oomconf.oomlog._clue import Clue

__all__ = ["conmon", "containerd", "docker", "docker_json", "evicted", "kubelet", "oom_killing", "orchestrator", "status"]

_SYSTEM_OOM: Final = re.compile(r"System OOM encountered, victim process: (?P<name>.{0,64}?), pid: (?P<pid>\d+)")
_OOM_KILLING: Final = re.compile(r"\bOOMKilling\b.*Killed process (?P<pid>\d+) \((?P<name>.{0,64}?)\)")
_PLEG: Final = re.compile(
    r'container finished"? .*podID="?(?P<pod>[0-9a-f-]{32,36})"?.*containerID="?(?P<id>[0-9a-f]{12,64})"? exitCode=137\b'
)
_GRACE: Final = re.compile(
    r'Killing container with a grace period".*containerID="?(?:[a-z-]+://)?(?P<id>[0-9a-f]{12,64})"? gracePeriod=(?P<grace>\d+)'
)
_TASK_OOM: Final = re.compile(r'TaskOOM event (?:&TaskOOM\{ContainerID:|container_id:\\*")(?P<id>[0-9a-f]{12,64})\b')
_TASK_EXIT: Final = re.compile(
    r'TaskExit event .*?(?:ContainerID:|container_id:\\*")(?P<id>[0-9a-f]{12,64})\b'
    r'.*?(?:,ID:|\bid:\\*")(?P=id)\b.*?(?:ExitStatus|exit_status):137\b'
)
_CONMON: Final = re.compile(r"^conmon (?P<id>[0-9a-f]{12,64}) <n?info>: (?:(?P<oom>OOM received)|container \d+ exited with status 137)$")
_POD_NAME: Final = re.compile(r'\b(?:pod|object)="?(?P<pod>[a-z0-9.-]+/[a-z0-9.-]+)"?')
_POD_OBJECT: Final = re.compile(r"\bpod/(?P<pod>[a-z0-9][a-z0-9.-]{0,252})\b")
# pkg/kubelet/eviction/helpers.go: nodeLowMessageFmt, containerMessageFmt
_LOW: Final = re.compile(
    r"[Tt]he node was low on resource: memory\b(?:\. Threshold quantity: [^\s,]{1,40}, available: [^\s,]{1,40}[^\s.,])?"
    r"(?:\. Container [a-z0-9-]{1,63} was using [^\s,]{1,40}, request is [^\s,]{1,40})?"
)
_K8S_REASON: Final = re.compile(
    r"""(?:^|["\s:=])reason["']?\s*[:=]\s*["']?OOMKilled\b|\bReason:\s+OOMKilled\b|["\s]OOMKilled["\s]\s*\d|^OOMKilled$"""
)
_KUBECTL_ROW: Final = re.compile(r"^(?:\S+\s+)?(?P<pod>[a-z0-9][a-z0-9.-]*)\s+\d+/\d+\s+(?:Init:)?OOMKilled\s")
_DOCKER: Final = re.compile(r"^(?:\S+ )?container (?P<what>oom|die|died|kill|stop) (?P<id>[0-9a-f]{12,64}) \((?P<attributes>.*)\)$")
_INSPECT: Final = re.compile(r'"OOMKilled":\s*(?P<oom>true|false)')
_ATTRIBUTE: Final = re.compile(r"(?:^|, )(exitCode|containerExitCode|signal|name|image)=([^,]*)")
_STATUS: Final = re.compile(
    r"""\b(?:[Ee]xit(?:ed)?(?:[ -](?:with|code|status|value)){0,3}|exit_?[Cc]ode|ExitCode|Exit Code|returned|return code|non-zero code)"""
    r"""["']?\s*[:=]?\s*\(?137\b(?!\.\d)|\*\*\* \[[^\]]*\] (?:Error 137|Killed)$"""
)
_SAYS_137: Final = "a status of 137 = 128 + SIGKILL"


def kubelet(text: str) -> Clue | None:
    if match := _SYSTEM_OOM.search(text):
        return Clue(
            killer="kubelet",
            verdict="oom",
            pid=int(match["pid"][:10]),
            name=match["name"],
            words="the kubelet reports SystemOOM: the node itself ran short",
        )
    if match := _GRACE.search(text):
        return Clue(
            verdict="stop", container=match["id"], weak=True, actor="the kubelet: the pod was asked to stop",
            words=f"the kubelet asked it to stop and gave it {match['grace']} s",
        )  # fmt: skip
    if match := _PLEG.search(text):
        return Clue(verdict="signal", container=match["id"], pod=match["pod"], words="the container ended with status 137")
    return None


def evicted(text: str) -> Clue | None:
    """Read the kubelet's own words for an eviction, as its log, `kubectl describe pod` and `kubectl get events` show them."""
    match = _LOW.search(text)
    if match is None:
        return None
    named = _POD_NAME.search(text) or _POD_OBJECT.search(text)
    return Clue(
        killer="kubelet",
        verdict="oom",
        pod=named["pod"] if named else None,
        actor="the node was low on memory",
        words=f"the kubelet evicted it: {match[0]}",
    )


def orchestrator(text: str) -> Clue | None:
    """Read OOMKilled in what kubectl, the kubelet and Docker print."""
    if match := _INSPECT.search(text):
        if match["oom"] == "true":
            return Clue(killer="kernel", verdict="oom", words="Docker says OOMKilled: the kernel killed in the container's cgroup")
        spared = "Docker says that the container was not OOM-killed"
        return Clue(words=spared) if _STATUS.search(text) is None else Clue(verdict="signal", words=_SAYS_137, against=spared)
    if (match := _KUBECTL_ROW.match(text)) or _K8S_REASON.search(text):
        pod = match["pod"] if match else None
        if pod is None and (named := _POD_NAME.search(text)):
            pod = named["pod"]
        return Clue(
            killer="kubelet",
            verdict="oom",
            pod=pod,
            words="the container runtime saw the OOM killer in the container's cgroup: reason OOMKilled",
        )
    return kubelet(text)


def containerd(text: str) -> Clue | None:
    if match := _TASK_OOM.search(text):
        return Clue(
            killer="kernel",
            verdict="oom",
            container=match["id"],
            words="containerd reports an OOM event: the kernel killed in the container's cgroup",
        )
    if match := _TASK_EXIT.search(text):
        return Clue(verdict="signal", container=match["id"], words="the container ended with status 137")
    return None


def conmon(text: str) -> Clue | None:
    match = _CONMON.match(text)
    if match is None:
        return None
    if match["oom"]:
        return Clue(
            killer="kernel",
            verdict="oom",
            container=match["id"],
            words="conmon reports an OOM event: the kernel killed in the container's cgroup",
        )
    return Clue(verdict="signal", container=match["id"], words="the container ended with status 137")


def oom_killing(text: str) -> Clue | None:
    match = _OOM_KILLING.search(text)
    if match is None:
        return None
    return Clue(
        killer="kernel",
        verdict="oom",
        pid=int(match["pid"][:10]),
        name=match["name"],
        words="the node's kernel log says so (event OOMKilling)",
    )


def docker(text: str) -> Clue | None:
    match = _DOCKER.match(text)
    if match is None:
        return None
    attributes = dict(_ATTRIBUTE.findall(match["attributes"]))
    return _event(match["what"], match["id"], attributes)


def _event(what: str, identity: str, attributes: dict[str, str]) -> Clue | None:
    name = attributes.get("name")
    if what == "oom":
        return Clue(
            killer="kernel",
            verdict="oom",
            container=identity,
            name=name,
            words="Docker reports an oom event: the kernel killed in the container's cgroup",
        )
    if what in ("die", "died") and "137" in (attributes.get("exitCode"), attributes.get("containerExitCode")):
        return Clue(verdict="signal", container=identity, name=name, words="the container ended with status 137 = 128 + SIGKILL")
    if what == "kill" and attributes.get("signal") in ("9", "KILL", "SIGKILL"):
        return Clue(
            verdict="stop",
            container=identity,
            name=name,
            actor="docker kill, or docker stop after its timeout",
            words="Docker was asked to send SIGKILL",
        )
    return None


def docker_json(text: str) -> Clue | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("Type") != "container":
        return None
    actor = found.get("Actor")
    attributes = actor.get("Attributes") if isinstance(actor, dict) else None
    identity = found.get("id") or (actor.get("ID") if isinstance(actor, dict) else None)
    if not isinstance(identity, str):
        return None
    return _event(
        str(found.get("Action") or found.get("status")),
        identity,
        {str(k): str(v) for k, v in attributes.items()} if isinstance(attributes, dict) else {},
    )


def status(text: str) -> Clue | None:
    if _STATUS.search(text) is None:
        return None
    return Clue(verdict="signal", words=_SAYS_137)
