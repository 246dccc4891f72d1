"""What belongs to a machine as a whole against what is said of it: sysctls, swap, groups that a script makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from oomconf.dialects import _units
from oomconf.inforce.files import Files
from oomconf.inforce.host import SETTING_FILES, Host
from oomconf.inforce.judge import Asked, Seen, blind, judged, unsayable
from oomconf.inforce.nouns import Row, Value
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.metrics import cgroup_label
from oomconf.placement import CgroupLeaf
from oomconf.policy import WORKLOAD_FIELDS, Oomd, Policy, Setting, Swap, Workload
from oomconf.quantity import Percent, Size

__all__ = ["leaf_path", "leaves", "machine_rows"]

_HANDS: Final = "written into it by hand"


def machine_rows(host: Host, files: Files, policy: Policy) -> Iterator[Row]:
    """Sysctls, swaps, what systemd-oomd is told; of the kubelet a capture holds nothing."""
    for key, setting in sorted(policy.sysctls.items()):
        yield _sysctl(host, files, Asked(object=policy.object, thing=key, setting=key, expected=setting.value, at=setting.at))
    for swap in policy.swaps:
        yield from _swap(host, swap, policy.object)
    if policy.oomd is not None:
        yield from _oomd(host, files, policy, policy.oomd)
    if policy.kubelet is not None:
        asked = Asked(object=policy.object, thing="kubelet", setting="kubelet", expected=None, at=policy.kubelet.at)
        yield unsayable(asked, "what a kubelet is told is not looked at")


def _oomd(host: Host, files: Files, policy: Policy, oomd: Oomd) -> Iterator[Row]:
    """What systemd-oomd is told by its files; it takes them when it starts, and tells nobody what it has."""
    runs = any(process.name.startswith("systemd-oomd"[:15]) for process in host.taken.processes)
    v1 = policy.facts.cgroup_version is not None and policy.facts.cgroup_version.value == 1
    for row in _units.OOMD:
        setting: Setting[Any] | None = None if row.field is None else getattr(oomd, row.field)
        if setting is None or setting.value is None or row.field is None:
            continue
        said = files.oomd().get(row.field)
        found = None if said is None or said.value is None else _word(said.value)
        asked = Asked(object=policy.object, thing="oomd.conf", setting=row.field, expected=_word(setting.value), at=setting.at)
        source = "no file says it" if said is None else files.place(said)
        if why := _units.refusal(row, setting, policy.facts) or ("systemd-oomd needs cgroup v2" if v1 else ""):
            yield unsayable(asked, why)
        elif not host.taken.whole and found is None:
            yield blind(asked, "the capture was cut")
        elif found != asked.expected:
            yield asked.row("drift", found=found, source=source)
        else:
            yield asked.row(
                "as said" if runs else "not running", found=found, source=source, why="" if runs else "systemd-oomd does not run"
            )


def _word(value: Any) -> Value:  # noqa: ANN401
    return str(value) if isinstance(value, Percent) else int(value)


def _sysctl(host: Host, files: Files, asked: Asked) -> Row:
    found = host.taken.sysctls.get(asked.setting)
    if found is None:
        known = SYSCTLS.get(asked.setting)
        if known is not None and known.kind == "action":
            return unsayable(asked, "it is done once and cannot be read")
        return blind(asked, f"/proc/sys/{asked.setting.replace('.', '/')} is not there, or may not be read")
    expected = " ".join(str(asked.expected or "").split())
    same = found == expected or (_is_number(found) and _is_number(expected) and int(found) == int(expected))
    source = files.sysctl_source(asked.setting, found)
    return asked.row("as said" if same else "drift", found=found, source=source)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 24  # noqa: PLR2004


def _swap(host: Host, swap: Swap, thing: str) -> Iterator[Row]:
    taken = host.taken
    found = next((row for row in taken.swaps if row[0] == swap.path), None)
    on = Asked(object=thing, thing=swap.path, setting="swap", expected="on", at=swap.at)
    if found is None:
        if taken.swap_total and not taken.swaps:
            yield blind(on, "/proc/swaps may not be read")
        elif _by_another_name(swap.path) and any(row[1] == "partition" for row in taken.swaps):
            yield unsayable(on, "a device is in use under another name than the spec gives")
        else:
            yield on.row("drift", found="off", why="it is not in /proc/swaps")
        return
    yield on.row("as said", found="on", source="/proc/swaps")
    _, _, size, _, priority = found
    if swap.size is not None and swap.size.value is not None:
        # the first page is the header (mm/swapfile.c)
        usable = Size(host.floor(swap.size.value) - taken.page_size)
        asked = Asked(object=thing, thing=swap.path, setting="size", expected=usable, at=swap.size.at)
        yield judged(asked, Seen(kernel=Size(size), source="/proc/swaps"))
    if swap.priority is not None and swap.priority.value is not None:
        asked = Asked(object=thing, thing=swap.path, setting="priority", expected=swap.priority.value, at=swap.priority.at)
        yield judged(asked, Seen(kernel=priority, source="/proc/swaps"))


def _by_another_name(path: str) -> bool:
    """Whether the kernel shows a device under a name of its own."""
    return path.startswith(("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "/dev/disk/", "/dev/mapper/")) or path.count("/") > 2  # noqa: PLR2004


def leaf_path(host: Host, place: CgroupLeaf) -> str:
    """The cgroup of a group that a script makes; empty if the unit that delegates it has none."""
    if place.delegated_by is None:
        return f"/{place.path}"
    above = host.cgroup_of(place.delegated_by)
    return f"{above}/{place.path}" if above else ""


def leaves(host: Host, workload: Workload, place: CgroupLeaf) -> Iterator[Row]:
    """Every value that is said of a group that a script makes."""
    path = leaf_path(host, place)
    label = cgroup_label(place.path, place.delegated_by)
    for field in WORKLOAD_FIELDS:
        setting: Setting[Any] | None = getattr(workload, field)
        if setting is None:
            continue
        value = str(setting.value) if isinstance(setting.value, Percent) else setting.value
        if field in SETTING_FILES and isinstance(value, int):
            value = host.floor(value)
        yield _leaf(host, path, Asked(object=workload.object, thing=label, setting=field, expected=value, at=setting.at))


def _leaf(host: Host, path: str, asked: Asked) -> Row:
    setting, values = asked.setting, host.state(path).values
    if host.v1:
        return unsayable(asked, "the script makes groups of cgroup v2 alone")
    able = setting in SETTING_FILES or setting in ("oom_policy", "oom_score_adj")
    if not able or asked.expected == "stop" or isinstance(asked.expected, str) != (setting == "oom_policy"):
        return unsayable(asked, "a script cannot say it")
    if not host.has(path):
        seen = bool(host.taken.cgroups) and host.taken.whole
        return asked.row("not running", why="there is no such cgroup") if seen else blind(asked, "no cgroups are seen")
    kernel: Value | None
    if setting == "oom_score_adj":
        first = min(host.below(path), key=lambda one: one.pid, default=None)
        if first is None:
            return asked.row("not running", why="no process is in it")
        return judged(asked, Seen(kernel=first.oom_score_adj, late=True, source="its first process", kernel_word="its first process"))
    if setting == "oom_policy":
        held = values.get("memory.oom.group")
        kernel = None if held is None else "kill" if held == 1 else "continue"
    else:
        kernel = host.holds(path, setting)
    if kernel is None:
        return (
            unsayable(asked, "cgroup v1 has no such file")
            if host.v1
            else blind(asked, "its cgroup has no such file, or it may not be read")
        )
    return judged(asked, Seen(kernel=kernel, source="its cgroup" if kernel == asked.expected else _HANDS))
