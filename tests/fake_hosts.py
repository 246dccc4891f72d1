"""Hosts made from a policy: what the manager, the engines and the kernel would show if every value of it were in force."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from oomconf import dialects
from oomconf.dialect import Mapped, Rendered
from oomconf.ledger import Status
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Policy, Workload
from oomconf.quantity import INFINITY, Percent
from oomconf.templating import Templates

TEMPLATES = Templates()
PAGE = 4096
KEYS = {
    "slice": "Slice", "oom_score_adj": "OOMScoreAdjust", "memory_min": "MemoryMin", "memory_low": "MemoryLow", "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax", "memory_swap_max": "MemorySwapMax", "oom_policy": "OOMPolicy", "restart": "Restart",
    "managed_oom_preference": "ManagedOOMPreference", "managed_oom_swap": "ManagedOOMSwap",
    "managed_oom_memory_pressure": "ManagedOOMMemoryPressure", "managed_oom_memory_pressure_limit": "ManagedOOMMemoryPressureLimit",
}  # fmt: skip
OOMD = {
    "swap_used_limit": "SwapUsedLimit", "default_memory_pressure_limit": "DefaultMemoryPressureLimit",
    "default_memory_pressure_duration": "DefaultMemoryPressureDurationSec",
}  # fmt: skip
FILES = {
    "memory_min": "memory.min", "memory_low": "memory.low", "memory_high": "memory.high", "memory_max": "memory.max",
    "memory_swap_max": "memory.swap.max",
}  # fmt: skip
V1 = {
    "memory.peak": "memory.max_usage_in_bytes:", "memory.stat.inactive_file": "memory.stat:total_inactive_file ",
    "memory.swap.current": "memory.stat:total_swap ", "memory.events.oom_kill": "memory.oom_control:oom_kill ",
}  # fmt: skip
PLAIN = {
    "Slice": "system.slice", "OOMScoreAdjust": "0", "MemoryMin": "0", "MemoryLow": "0", "MemoryHigh": "infinity", "MemoryMax": "infinity",
    "MemorySwapMax": "infinity", "OOMPolicy": "stop", "Restart": "no", "ManagedOOMPreference": "none", "ManagedOOMSwap": "auto",
    "ManagedOOMMemoryPressure": "auto", "ManagedOOMMemoryPressureLimit": "0", "NeedDaemonReload": "no", "LoadState": "loaded",
    "ActiveState": "active", "DropInPaths": "",
}  # fmt: skip


@dataclass
class Fake:
    """A host as tables; `text` is a capture of it."""

    v1: bool = False
    units: dict[str, dict[str, str]] = field(default_factory=dict)
    cgroups: dict[str, dict[str, int]] = field(default_factory=dict)
    processes: dict[int, dict[str, object]] = field(default_factory=dict)
    containers: list[dict[str, object]] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    swaps: dict[str, dict[str, int]] = field(default_factory=dict)
    oomd: dict[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ("systemctl", "docker", "podman", "log")

    def process(self, pid: int, name: str, cgroup: str, adj: int = 0, ppid: int = 1, uid: int = 0, rss: int = 8192) -> None:
        self.processes[pid] = {"name": name, "cgroup": cgroup, "adj": adj, "ppid": ppid, "uid": uid, "rss": rss}

    def cgroup(self, path: str, **values: int) -> None:
        files = {"memory.min": 0, "memory.low": 0, "memory.high": INFINITY, "memory.max": INFINITY, "memory.swap.max": INFINITY}
        self.cgroups[path] = {**files, "memory.oom.group": 0, "memory.current": PAGE, **values}

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield "# oomconf snapshot 1"
        yield f"/page_size:{PAGE}"
        total = sum(row["size"] for row in self.swaps.values()) // 1024
        for line in (
            "MemTotal: 8000000 kB",
            "MemFree: 100000 kB",
            "MemAvailable: 4000000 kB",
            f"SwapTotal: {total} kB",
            f"SwapFree: {total} kB",
        ):
            yield f"/proc/meminfo:{line}"
        yield "/proc/swaps:Filename Type Size Used Priority"
        for path, row in self.swaps.items():
            yield f"/proc/swaps:{path} file {row['size'] // 1024} 0 {row['priority']}"
        yield "/proc/pressure/memory:some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
        yield "/proc/vmstat:oom_kill 0"
        yield "/proc/sys/kernel/hostname:h"
        for key, value in self.sysctls.items():
            yield f"/proc/sys/{key.replace('.', '/')}:{value}"
        for pid, one in self.processes.items():
            for line in (f"Name:\t{one['name']}", f"PPid:\t{one['ppid']}", f"Uid:\t{one['uid']}\t0\t0\t0", f"VmRSS:\t{one['rss']} kB"):
                yield f"/proc/{pid}/status:{line}"
            yield f"/proc/{pid}/oom_score_adj:{one['adj']}"
            yield f"/proc/{pid}/cgroup:{'3:memory' if self.v1 else '0:'}:{one['cgroup']}"
        for path, values in self.cgroups.items():
            yield from self._files(path, values)
        for number, (key, text) in enumerate([("[OOM]", ""), *self.oomd.items()], 1):
            yield f"=/etc/systemd/oomd.conf.d/60-oomconf.conf:{number}:{key}{'=' if text else ''}{text}"
        if "systemctl" in self.asked:
            yield "$version:systemd 252 (252)"
            for unit, properties in self.units.items():
                yield from (f"$systemctl:{key}={value}" for key, value in {**properties, "Id": unit}.items())
                yield "$systemctl:"
        for engine in ("docker", "podman"):
            if engine in self.asked:
                yield f"${engine}:"
                yield from (f"${engine}:{json.dumps(row)}" for row in self.containers if row.get("engine", "docker") == engine)
        if "log" in self.asked:
            yield "$log:h kernel: Linux version 6.1"
        yield "# end"

    def _files(self, path: str, values: dict[str, int]) -> Iterator[str]:
        if self.v1:
            limit, swap = values["memory.max"], values["memory.swap.max"]
            both = INFINITY if INFINITY in (limit, swap) else limit + swap
            for name, value in (("limit_in_bytes", limit), ("memsw.limit_in_bytes", both)):
                yield f"/sys/fs/cgroup/memory{path}/memory.{name}:{(1 << 63) - PAGE if value >= INFINITY else value}"
            yield f"/sys/fs/cgroup/memory{path}/memory.usage_in_bytes:{values['memory.current']}"
            for name, here in V1.items():
                if name in values:
                    yield f"/sys/fs/cgroup/memory{path}/{here}{values[name]}"
            return
        for name, value in values.items():
            yield f"/sys/fs/cgroup{path}/{name}:{'max' if value >= INFINITY else value}"


def said(policy: Policy, target: str, sources: dict[str, str] | None = None) -> dict[tuple[str, str], object]:
    """What a target says of a policy: the value by identity and field, as its ledger has it."""
    dialect = dialects.find(target)
    assert dialect is not None
    assert dialect.render is not None
    cells = dialect.render(policy, Rendered(TEMPLATES, Mapped(sources or {}))).ledger
    return {(cell.identity, cell.field): cell.setting.value for cell in cells if cell.status is not Status.IMPOSSIBLE}


def fake_host(policy: Policy) -> Fake:
    """Build a host on which everything that the policy says, and its targets can say, is in force."""
    version = policy.facts.cgroup_version
    host = Fake(v1=version is not None and version.value == 1)
    host.process(1, "systemd", "/init.scope")
    host.cgroup("/init.scope")
    host.units["init.scope"] = {**PLAIN, "ControlGroup": "/init.scope"}
    units = said(policy, "systemd")
    for group in policy.groups:
        if group.kind == "slice" and not group.user:
            _unit(host, group.name, {name: value for (identity, name), value in units.items() if identity == group.name}, process=False)
    host.process(2, "systemd-oomd", "/init.scope")
    for (identity, name), value in units.items():
        if identity == "oomd.conf":
            host.oomd[OOMD[name]] = str(value) if isinstance(value, Percent) else f"{value}s"
    pids = iter(range(100, 100_000, 10))
    for workload in policy.workloads:
        _workload(host, policy, workload, units, pids)
    host.sysctls = {"vm.panic_on_oom": "0", **{key: str(setting.value) for key, setting in policy.sysctls.items()}}
    for swap in policy.swaps:
        size = 1 << 20 if swap.size is None or swap.size.value is None else int(swap.size.value) // PAGE * PAGE
        host.swaps[swap.path] = {"size": size - PAGE, "priority": -2 if swap.priority is None else int(swap.priority.value or 0)}
    return host


def _workload(host: Fake, policy: Policy, workload: Workload, units: dict[tuple[str, str], object], pids: Iterator[int]) -> None:
    place = workload.placement
    if isinstance(place, SystemdUnit):
        for unit in place.units if not place.user else ():
            _unit(host, unit, {name: value for (identity, name), value in units.items() if identity == unit}, pid=next(pids))
    elif isinstance(place, DockerContainer):
        words = {name: value for (_, name), value in said(policy, "docker").items()}
        _container(host, place.name, words, next(pids))
    elif isinstance(place, ComposeService):
        words = {name: value for (identity, name), value in said(policy, "compose").items() if identity == place.identities[0]}
        _container(host, f"deploy-{place.service}-1", words, next(pids), Service=place.service, Project="deploy")
    elif isinstance(place, QuadletUnit) and not place.user:
        words = {name: value for (_, name), value in said(policy, "quadlet").items()}
        score = words.pop("oom_score_adj", 0)
        path = _unit(host, place.service, words, pid=next(pids))
        pid = next(pids)
        host.process(pid, "app", f"{path}/libpod-payload-{'ab' * 32}", adj=int(str(score)))
        host.containers.append(
            _inspected(f"systemd-{place.service.removesuffix('.service')}", pid, score, "ab" * 32) | {"engine": "podman"}
        )
    elif isinstance(place, CgroupLeaf):
        words = {name: value for (identity, name), value in said(policy, "cgroup").items() if identity == place.identities[0]}
        path = f"/{place.path}"
        host.cgroup(path)
        _limits(host.cgroups[path], words)
        host.process(next(pids), "leaf", path, adj=int(str(words.get("oom_score_adj", 0))))


def _limits(files: dict[str, int], words: dict[str, object]) -> None:
    for name, file in FILES.items():
        if name in words:
            files[file] = int(str(int(words[name])))  # type: ignore[call-overload]
    files["memory.oom.group"] = int(words.get("oom_policy") == "kill")


def _path(host: Fake, parent: str, unit: str) -> str:
    if parent == "-.slice":
        return f"/{unit}"
    stem = parent.removesuffix(".slice").split("-")
    above = "/".join("-".join(stem[: number + 1]) + ".slice" for number in range(len(stem)))
    return f"/{above}/{unit}"


def _unit(host: Fake, unit: str, words: dict[str, object], *, pid: int = 0, process: bool = True) -> str:
    shown = {KEYS[name]: _shown(value) for name, value in words.items() if name in KEYS}
    if process:
        parent = str(words.get("slice", "system.slice"))
    else:
        parent = unit.removesuffix(".slice").rpartition("-")[0]
        parent = f"{parent}.slice" if parent else "-.slice"
    path = _path(host, parent, unit)
    host.units[unit] = {**PLAIN, **shown, "ControlGroup": path, "MainPID": str(pid)}
    if unit != "-.slice":
        host.cgroup(path)
        _limits(host.cgroups[path], words)
    if process:
        host.process(pid, "main", path, adj=int(str(words.get("oom_score_adj", 0))))
    return path


def _shown(value: object) -> str:
    if isinstance(value, Percent):
        return str(value.permyriad * 0xFFFFFFFF // 10_000)
    if isinstance(value, int):
        return "infinity" if value >= INFINITY else str(int(value))
    return str(value)


def _inspected(name: str, pid: int, score: object, ident: str) -> dict[str, object]:
    return {
        "Id": ident, "Name": f"/{name}", "Image": "i", "Running": True, "Pid": pid, "OOMKilled": False, "ExitCode": 0, "RestartCount": 0,
        "Memory": 0, "MemorySwap": 0, "MemoryReservation": 0, "OomScoreAdj": score, "Restart": "no", "Service": None, "Project": None,
    }  # fmt: skip


def _container(host: Fake, name: str, words: dict[str, object], pid: int, **labels: str) -> None:
    ident = f"{pid:064x}"
    row = {**_inspected(name, pid, int(str(words.get("oom_score_adj", 0))), ident), **labels}
    memory = int(words.get("memory_max", INFINITY))  # type: ignore[call-overload]
    files = {**words, "memory_max": memory}
    if memory < INFINITY:
        swap = int(words.get("memory_swap_max", memory))  # type: ignore[call-overload]
        row |= {"Memory": memory, "MemorySwap": -1 if swap >= INFINITY else memory + swap}
        files["memory_swap_max"] = swap
    row["MemoryReservation"] = int(words.get("memory_low", 0))  # type: ignore[call-overload]
    restart = words.get("restart", "no")
    row["Restart"] = "on-failure" if restart == "on-abnormal" else restart
    parent = str(words.get("slice", "system.slice"))
    path = _path(host, parent, f"docker-{ident}.scope")
    host.cgroup(path)
    _limits(host.cgroups[path], files)
    host.process(pid, "app", path, adj=int(str(row["OomScoreAdj"])))
    host.containers.append(row)


@dataclass(frozen=True)
class Change:
    """One value of a host made another; of what, and what an audit must call it."""

    thing: str
    setting: str
    state: str
    make: Callable[[], None]


def changes(host: Fake, policy: Policy) -> Iterator[Change]:
    """Every value of which the policy says something and that can be made another, the manager's and the kernel's apart."""
    units = said(policy, "systemd")
    for unit in host.units:
        fields = {name for (identity, name) in units if identity == unit}
        yield from _unit_changes(host, unit, fields)
    for workload in policy.workloads:
        place = workload.placement
        if isinstance(place, DockerContainer | ComposeService):
            target = "docker" if isinstance(place, DockerContainer) else "compose"
            fields = {name for (identity, name) in said(policy, target) if identity == place.identities[0]}
            name = place.name if isinstance(place, DockerContainer) else f"deploy-{place.service}-1"
            row = next(row for row in host.containers if row["Name"] == f"/{name}")
            yield from _container_changes(host, row, fields)
        elif isinstance(place, CgroupLeaf):
            fields = {name for (identity, name) in said(policy, "cgroup") if identity == place.identities[0]}
            yield from _cgroup_changes(host, f"/{place.path}", f"/{place.path}", fields)
            (pid,) = (pid for pid, one in host.processes.items() if one["cgroup"] == f"/{place.path}")
            if "oom_score_adj" in fields:
                yield Change(f"/{place.path}", "oom_score_adj", "pending restart", _other_score(host, pid))
    for setting, key in OOMD.items():
        if key in host.oomd:
            other = "7s" if key.endswith("Sec") else "7.77%"
            yield Change("oomd.conf", setting, "drift", lambda key=key, other=other: host.oomd.update({key: other}))
    for key in policy.sysctls:
        yield Change(key, key, "drift", lambda key=key: host.sysctls.update({key: host.sysctls[key] + "7"}))
    for swap in policy.swaps:
        yield Change(swap.path, "swap", "drift", lambda path=swap.path: _drop(host.swaps, path))
        if swap.priority is not None:
            yield Change(
                swap.path, "priority", "drift", lambda path=swap.path: host.swaps[path].update(priority=host.swaps[path]["priority"] + 1)
            )
        if swap.size is not None:
            yield Change(swap.path, "size", "drift", lambda path=swap.path: host.swaps[path].update(size=host.swaps[path]["size"] + PAGE))


def _drop(swaps: dict[str, dict[str, int]], path: str) -> None:
    del swaps[path]


def _other_score(host: Fake, pid: int) -> Callable[[], None]:
    adj = int(str(host.processes[pid]["adj"]))
    return lambda: host.processes[pid].update(adj=adj + 1 if adj < 1000 else 999)


def _unit_changes(host: Fake, unit: str, fields: set[str]) -> Iterator[Change]:
    for name in fields & set(KEYS):
        key = KEYS[name]
        yield Change(unit, name, "drift", lambda key=key: host.units[unit].update({key: _another(host.units[unit][key], key)}))
    path = host.units[unit]["ControlGroup"]
    yield from _cgroup_changes(host, path, unit, fields)
    if "oom_score_adj" in fields:
        yield Change(unit, "oom_score_adj", "pending restart", _other_score(host, int(host.units[unit]["MainPID"])))


def _another(text: str, key: str) -> str:
    if key.startswith("Memory"):
        return str(PAGE * 77) if text == "infinity" else "infinity" if text == str(PAGE * 77) else str(int(text) + PAGE)
    if key == "OOMScoreAdjust":
        return str(int(text) + 1 if int(text) < 1000 else 999)
    if key == "ManagedOOMMemoryPressureLimit":
        return str((int(text) + 0xFFFFFFFF // 100) % 0xFFFFFFFF)
    words = {"Slice": ("other.slice", "another.slice"), "OOMPolicy": ("stop", "continue"), "Restart": ("no", "always"),
             "ManagedOOMPreference": ("none", "avoid"), "ManagedOOMSwap": ("auto", "kill"), "ManagedOOMMemoryPressure": ("auto", "kill")}  # fmt: skip
    return next(word for word in words[key] if word != text)


def _cgroup_changes(host: Fake, path: str, thing: str, fields: set[str]) -> Iterator[Change]:
    for name in sorted(fields & set(FILES)):
        if path not in host.cgroups or (host.v1 and name != "memory_max"):
            continue
        if host.v1 and host.cgroups[path]["memory.swap.max"] < INFINITY:
            continue  # its file counts both
        file = FILES[name]
        yield Change(thing, name, "drift", lambda file=file: host.cgroups[path].update({file: _size_beside(host.cgroups[path][file])}))
    if "oom_policy" in fields and path in host.cgroups and not host.v1:
        group = 1 - host.cgroups[path]["memory.oom.group"]
        yield Change(thing, "oom_policy", "drift", lambda: host.cgroups[path].update({"memory.oom.group": group}))


def _size_beside(value: int) -> int:
    return PAGE * 77 if value >= INFINITY else value + PAGE


def _container_changes(host: Fake, row: dict[str, object], fields: set[str]) -> Iterator[Change]:
    name = str(row["Name"]).removeprefix("/")
    pid = int(str(row["Pid"]))
    told = {"memory_low": "MemoryReservation", "memory_swap_max": "MemorySwap", "oom_score_adj": "OomScoreAdj"}
    for setting, key in told.items():
        if setting in fields and not (key == "MemorySwap" and row["Memory"] == 0):
            before = int(str(row[key]))
            after = (
                int(str(row["Memory"])) + PAGE * 77
                if key == "MemorySwap" and before < 0
                else before + (1 if key == "OomScoreAdj" else PAGE)
            )
            yield Change(name, setting, "drift", lambda key=key, after=after: row.update({key: after}))
    if "restart" in fields:
        other = "always" if row["Restart"] != "always" else "no"
        yield Change(name, "restart", "drift", lambda: row.update(Restart=other))
    if "oom_score_adj" in fields:
        yield Change(name, "oom_score_adj", "drift", _other_score(host, pid))
    yield from _cgroup_changes(host, str(host.processes[pid]["cgroup"]), name, fields)
