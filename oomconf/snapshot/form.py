"""The form of a snapshot: which files and commands are captured, and how a line of each begins.

`PATH:LINE` is a line of a file of the kernel's, `=PATH:NUMBER:LINE` one of a file of the administrator's (number 0 is a file that is empty,
an empty line 1 one that says nothing: both hide others), `$NAME:LINE` one that a command printed. Nothing else is captured: no command
lines, no environment, no other keys of any file, for those hold secrets.
"""

from __future__ import annotations

from typing import Final

from oomconf.kernel.sysctls import SYSCTLS

__all__ = [
    "CGROUP_FILES",
    "CGROUP_STAT",
    "FILES",
    "FILE_LINES",
    "HEAD",
    "INSPECTS",
    "LOG_BYTES",
    "LOG_SOURCES",
    "STATUS",
    "TAIL",
    "UNIT_PROPERTIES",
    "LinesOf",
]

HEAD: Final = "# oomconf snapshot 1"
TAIL: Final = "# end"
FILES: Final = (
    "/proc/meminfo",
    "/proc/swaps",
    "/proc/vmstat",
    "/proc/pressure/memory",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/random/boot_id",
    *(f"/proc/sys/{key.replace('.', '/')}" for key, row in SYSCTLS.items() if row.kind != "action"),
)
STATUS: Final = ("Name", "Pid", "PPid", "Uid", "VmRSS", "VmSwap", "VmPTE")
CGROUP_FILES: Final = (
    "memory.current", "memory.peak", "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.current", "memory.swap.max",
    "memory.oom.group", "memory.events", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.usage_in_bytes",
    "memory.max_usage_in_bytes", "memory.oom_control",
)  # fmt: skip
CGROUP_STAT: Final = ("anon", "file", "shmem", "inactive_file", "total_inactive_file", "total_swap")
"""What is taken of memory.stat; under v1 `total_` is with what is below."""
UNIT_PROPERTIES: Final = (
    "Id", "Names", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "MainPID", "ControlGroup", "Slice", "FragmentPath",
    "DropInPaths", "NeedDaemonReload", "Delegate", "MemoryAccounting", "MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax",
    "OOMScoreAdjust", "OOMPolicy", "Restart", "ManagedOOMSwap", "ManagedOOMMemoryPressure",
    "ManagedOOMMemoryPressureLimit", "ManagedOOMPreference",
)  # fmt: skip
_INSPECT: Final = (
    '{"Id":{{json .Id}},"Name":{{json .Name}},"Image":{{json .Config.Image}},"Running":{{.State.Running}},"Pid":{{.State.Pid}},'
    '"OOMKilled":{{.State.OOMKilled}},"ExitCode":{{.State.ExitCode}},"RestartCount":{{.RestartCount}},"Memory":{{.HostConfig.Memory}},'
    '"MemorySwap":{{.HostConfig.MemorySwap}},"MemoryReservation":{{.HostConfig.MemoryReservation}},"OomScoreAdj":{{.HostConfig.OomScoreAdj}},'
    '"Restart":{{json .HostConfig.RestartPolicy.Name}},"Service":{{json (index .Config.Labels "com.docker.compose.service")}},'
    '"Project":{{json (index .Config.Labels "com.docker.compose.project")}}}'
)
"""What is asked of an engine about each container, one line of JSON."""
INSPECTS: Final = {"docker": _INSPECT, "podman": _INSPECT.replace("{{json .Id}}", "{{json .ID}}")}
"""The same of each engine in its own words: podman takes those of its structures (pkg/inspect), docker those of its API."""
LOG_BYTES: Final = 4 << 20
"""The newest of the log that are taken: a quarter of what is read of a capture."""
LOG_SOURCES: Final = ("kernel", "systemd", "systemd-oomd", "earlyoom", "nohang")


class LinesOf:
    """Files of the administrator's: where they are, their names, and which of their lines are taken (an extended regular expression)."""

    def __init__(self, folders: tuple[str, ...], names: tuple[str, ...], pattern: str) -> None:
        self.folders, self.names, self.pattern = folders, names, pattern


FILE_LINES: Final = (
    LinesOf(
        (
            "/etc/systemd/system", "/etc/systemd/system.control", "/etc/systemd/system.attached", "/run/systemd/system",
            "/run/systemd/system.control", "/run/systemd/system.attached",
            "/run/systemd/transient", "/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late",
            "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
        ),
        ("*.service", "*.slice", "*.scope", "*.conf"),
        "^[ \t]*(\\[|(Startup|Default)?Memory|(Managed|Default)?OOM|Slice=|Slice[ \t]|Restart=|Restart[ \t]|Delegate)",
    ),
    LinesOf(
        tuple(
            f"{folder}/{name}{end}"
            for name in ("system.conf", "oomd.conf")
            for folder in ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
            for end in ("", ".d")
        ),
        ("*.conf",),
        "^[ \t]*(\\[|Default(Memory|OOM)|SwapUsed)",
    ),
    LinesOf(
        ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d", "/etc/sysctl.conf"),
        ("*.conf",),
        "^[ \t]*-?(vm|kernel)[./]",
    ),
    LinesOf(("/etc/fstab",), ("fstab",), "^[^#].*[ \t]swap[ \t]"),
)  # fmt: skip
