"""What programs say of deaths: their own wordings of every age, near misses that are none, and the evidence for and against."""

from __future__ import annotations

import json

import pytest

from oomconf.diagnosis import explain
from oomconf.oomlog import read

T = "Nov 23 01:02:03 web-1 "
ID = "c0ffee" * 10 + "beef"
POD = "12345678-1234-1234-1234-123456789abc"
EXIT = T + "systemd[1]: app.service: Main process exited, code=killed, status=9/KILL"
OOMD = T + "systemd-oomd[9]: "
FIREFOX = "/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.scope"
DIE = f"2026-11-23T10:00:00.2+01:00 container die {ID} (execDuration=5, exitCode=137, image=redis, name=cache)"


def docker_event(action: str, **attributes: str) -> str:
    return json.dumps({"status": action, "id": ID, "Type": "container", "Action": action, "Actor": {"ID": ID, "Attributes": attributes}})


def unit(text: str, by: str = "systemd[1]") -> str:
    return f"{T}{by}: {text}"


# lines, killer, and what is known: pid, name, unit, container, pod, actor
Told = tuple[str, dict[str, object]]
CASES: dict[str, tuple[list[str], Told]] = {
    "systemd 262": ([unit("app.service: The kernel OOM killer killed some processes in this unit.")], ("kernel", {"unit": "app.service"})),
    "systemd 252": (
        [unit("app.service: A process of this unit has been killed by the OOM killer."), EXIT, unit("app.service: Failed with result 'oom-kill'.")],
        ("kernel", {"unit": "app.service"}),
    ),
    "result alone": ([unit("app.service: Failed with result 'oom-kill'.")], ("kernel", {"unit": "app.service"})),
    "a template's instance": (
        [unit("pg@14-main.service: A process of this unit has been killed by the OOM killer.")], ("kernel", {"unit": "pg@14-main.service"})),
    "stop timeout": (
        [unit("app.service: State 'stop-sigterm' timed out. Killing."), unit("app.service: Killing process 4821 (serve) with signal SIGKILL."),
         EXIT, unit("app.service: Failed with result 'timeout'.")],
        ("none", {"unit": "app.service", "actor": "systemd: a stop timeout"}),
    ),
    "stop timeout of systemd 219": (
        [unit("app.service stop-sigterm timed out. Killing.", "systemd"), unit("app.service: main process exited, code=killed, status=9/KILL", "systemd"),
         unit("Unit app.service entered failed state.", "systemd"), unit("app.service failed.", "systemd")],
        ("none", {"unit": "app.service", "actor": "systemd: a stop timeout"}),
    ),
    "a scope's": (
        [unit("session-3.scope: Stopping timed out. Killing."), unit("session-3.scope: Killing process 1699 (kwin_x11) with signal SIGKILL.")],
        ("none", {"unit": "session-3.scope", "actor": "systemd: a stop timeout"}),
    ),
    "the watchdog, and its own SIGKILL": (
        [unit("app.service: Watchdog timeout (limit 30s)!"), unit("app.service: Killing process 4821 (serve) with signal SIGABRT."),
         unit("app.service: State 'stop-watchdog' timed out. Killing."), unit("app.service: Killing process 4821 (serve) with signal SIGKILL."),
         EXIT, unit("app.service: Failed with result 'watchdog'.")],
        ("none", {"unit": "app.service", "actor": "systemd: the watchdog"}),
    ),
    "the end of RuntimeMaxSec": (
        [unit("app.service: Service reached runtime time limit. Stopping."), unit("app.service: State 'stop-sigterm' timed out. Killing."),
         EXIT, unit("app.service: Failed with result 'timeout'.")],
        ("none", {"unit": "app.service", "actor": "systemd: RuntimeMaxSec="}),
    ),
    "an eviction as kubectl describes it": (
        ["Reason:           Evicted",
         "Message:          The node was low on resource: memory. Threshold quantity: 100Mi, available: 84120Ki. Container api was using 812Mi, request is 0"],
        ("kubelet", {"actor": "the node was low on memory"}),
    ),
    "an eviction among kubectl's events": (
        ["5m   Warning   Evicted   pod/api-7d9f-x2x   The node was low on resource: memory. Container api was using 812Mi, request is 0, has larger consumption"],
        ("kubelet", {"pod": "api-7d9f-x2x", "actor": "the node was low on memory"}),
    ),
    "systemctl kill": (
        [unit("app.service: Sent signal SIGKILL to main process 77 (srv) on client request."), EXIT],
        ("none", {"unit": "app.service", "pid": 77, "name": "srv", "actor": "systemctl kill"}),
    ),
    "kill by hand": (
        [T + "sudo[5]:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/kill -9 4242", EXIT],
        ("none", {"unit": "app.service", "pid": 4242, "actor": "kill by hand"}),
    ),
    "SIGKILL by nobody named": ([EXIT], ("unknown", {"unit": "app.service"})),
    "and not the OOM killer, as systemd says": ([EXIT, unit("app.service: Failed with result 'signal'.")], ("unknown", {"unit": "app.service"})),
    "and the kernel, which is in the log, is silent": ([T + "kernel: eth0: link up", EXIT], ("none", {"unit": "app.service"})),
    "oomd by pressure": (
        [OOMD + "Killed /press.slice/eater.service due to memory pressure for /press.slice being 22.68% > 10.00% for > 2s with reclaim activity",
         unit("eater.service: systemd-oomd killed 1 process(es) in this unit.")],
        ("systemd-oomd", {"unit": "eater.service"}),
    ),
    "oomd by swap, told by two managers": (
        [OOMD + f"Killed {FIREFOX} due to memory used (7000) / total (8000) and swap used (900) / total (1000) being more than 90.00%",
         unit("user@1000.service: systemd-oomd killed some process(es) in this unit.")],
        ("systemd-oomd", {"unit": "firefox.scope"}),
    ),
    "oomd 262": (
        [OOMD + "Marked /system.slice/a.service for killing due to memory pressure for /system.slice being 70% > 60% for > 30s with reclaim activity"],
        ("systemd-oomd", {"unit": "a.service"}),
    ),
    "earlyoom 1.3": ([T + 'earlyoom[9]: sending SIGTERM to process 187 "batch": badness 1351, VmRSS 270 MiB'], ("earlyoom", {"pid": 187, "name": "batch"})),
    "earlyoom 1.8": (
        [T + 'earlyoom[9]: sending SIGKILL to process 187 uid 1000 "Web Content": badness 1351, VmRSS 270 MiB', T + 'earlyoom[9]: process 187 cmdline "x"'],
        ("earlyoom", {"pid": 187, "name": "Web Content"}),
    ),
    "nohang": (
        [T + f"nohang[3]: {text}" for text in (
            "Process with highest badness (found in 55ms):", "  PID: 27275, Name: Web Content, badness: 121", "Victim status (found in 0ms):",
            "  PID:       27275, name: Web Content, state: S, EUID: 1000, SID: 7 (x), lifetime: 1h",
            "  cgroup_v2: /user.slice/user-1000.slice/session-7.scope", "Implementing a corrective action:", "  Sending SIGTERM to the victim",
            "OK; total response time: 61ms")],
        ("nohang", {"pid": 27275, "name": "Web Content", "unit": "session-7.scope"}),
    ),
    "docker events": ([f"2026-11-23T10:00:00.1+01:00 container oom {ID} (image=redis, name=cache)", DIE], ("kernel", {"container": ID, "name": "cache"})),
    "docker events as JSON": ([docker_event("oom", name="cache"), docker_event("die", name="cache", exitCode="137")], ("kernel", {"container": ID})),
    "docker stop": (
        [f"2026-11-23T09:59:50+01:00 container kill {ID} (image=redis, name=cache, signal=15)",
         f"2026-11-23T10:00:00+01:00 container kill {ID} (image=redis, name=cache, signal=9)", DIE],
        ("none", {"container": ID, "actor": "docker kill, or docker stop after its timeout"}),
    ),
    "docker's exit alone": ([DIE], ("unknown", {"container": ID, "name": "cache"})),
    "podman": ([f"2026-11-23 10:00:00.2 +0100 CET container died {ID} (image=redis, name=cache, containerExitCode=137)"], ("unknown", {"container": ID})),
    "docker inspect": (['            "Status": "exited",', '            "OOMKilled": false,', '            "Dead": false,', '            "ExitCode": 137,'], ("unknown", {})),
    "docker inspect of the state": (['{"Status":"exited","OOMKilled":true,"Dead":false,"Pid":0,"ExitCode":137,"Error":""}'], ("kernel", {})),
    "kubectl describe": (["    Last State:     Terminated", "      Reason:       OOMKilled", "      Exit Code:    137"], ("kubelet", {})),
    "kubectl get pods": (["shop   web-7d9f-abc   0/1   OOMKilled   3 (2m ago)   10m"], ("kubelet", {"pod": "web-7d9f-abc"})),
    "kubectl get -o json": (['                "exitCode": 137,', '                "reason": "OOMKilled",'], ("kubelet", {})),
    "node-problem-detector's event": (
        ["2m   Warning   OOMKilling   node/n1   Memory cgroup out of memory: Killed process 812 (node) total-vm:2097152kB, anon-rss:912000kB"],
        ("kernel", {"pid": 812, "name": "node"}),
    ),
    "the kubelet's event": (["8m  Warning  SystemOOM  node/n1  System OOM encountered, victim process: java, pid: 77"], ("kubelet", {"pid": 77, "name": "java"})),
    "containerd 1.6": (
        [T + f'containerd[7]: time="x" level=info msg="TaskOOM event &TaskOOM{{ContainerID:{ID},XXX_unrecognized:[],}}"',
         T + f'containerd[7]: time="x" level=info msg="TaskExit event &TaskExit{{ContainerID:{ID},ID:{ID},Pid:21,ExitStatus:137,ExitedAt:x,}}"'],
        ("kernel", {"container": ID}),
    ),
    "containerd 2": ([T + f'containerd[7]: time="x" level=info msg="TaskOOM event container_id:\\"{ID}\\""'], ("kernel", {"container": ID})),
    "conmon of CRI-O and podman": (
        [T + f"conmon[5]: conmon {ID[:20]} <ninfo>: OOM received", T + f"conmon[5]: conmon {ID[:20]} <ninfo>: container 24312 exited with status 137"],
        ("kernel", {"container": ID[:20]}),
    ),
    "PLEG": (
        [T + f'kubelet[4]: I0227 16:05:03.001  12 generic.go:358] "Generic (PLEG): container finished" podID="{POD}" containerID="{ID}" exitCode=137'],
        ("unknown", {"container": ID, "pod": POD}),
    ),
    "the kubelet's grace": (
        [T + f'kubelet[4]: I0227 16:05:00.001  12 x.go:808] "Killing container with a grace period" pod="shop/web" containerID="containerd://{ID}" gracePeriod=30',
         T + f'kubelet[4]: I0227 16:05:33.001  12 generic.go:358] "Generic (PLEG): container finished" podID="{POD}" containerID="{ID}" exitCode=137'],
        ("none", {"container": ID, "actor": "the kubelet: the pod was asked to stop"}),
    ),
    "bash": (["./run.sh: line 7:  4242 Killed                  ./train --fast"], ("unknown", {"pid": 4242, "name": "train"})),
    "bash -c": (["bash: line 1: 12345 Killed python x.py"], ("unknown", {"pid": 12345, "name": "python"})),
    **{text: ([text], ("unknown", {})) for text in (
        "##[error]Process completed with exit code 137.", "ERROR: Job failed: exit code 137", "make: *** [Makefile:3: all] Error 137",
        "make[1]: *** [Makefile:3: all] Killed", "web-1 exited with code 137", "command terminated with exit code 137", "Killed",
        "The command '/bin/sh -c make' returned a non-zero code: 137", "> Process 'command x' finished with non-zero exit value 137",
        'c0ffee   redis   "x"   2 hours ago   Exited (137) 5 minutes ago   cache', "script returned exit code 137",
        '#9 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 137',
    )},
}  # fmt: skip

NOTHING = [
    "listening on port 137", "exit code 1370", "room 137", "exit code 137.5", 'GET /x HTTP/1.1" 200 137', "the OOM killer may kill processes",
    "exit code: 13", "OOMKilledness", "reason: OOMKilledd", "container oomph c0ffeec0ffee (x=1)", "Killed in action", "Killed by death 137 times",
    unit("app.service: Main process exited, code=exited, status=137x"), unit("app.service: Main process exited, code=exited, status=1/FAILURE"),
    unit("app.service: Main process exited, code=killed, status=15/TERM"), unit("app.service: State 'stop-sigterm' timed out. Skipping SIGKILL."),
    unit("app.service: start operation timed out. Terminating."), unit("app.service: Failed with result 'timeout'."),
    unit("app.service: Failed with result 'exit-code'."), unit("app.service: Failed with result 'signal'."),
    unit("app.service: A process of this unit has been killed by the OOM killer.", "blog[77]"),
    unit("Killed /a.service due to memory pressure for / being 1% > 0% for > 1s", "blog[77]"),
    unit("Out of memory: Killed process 12 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB", "blog[77]"),
    unit('sending SIGTERM to process 187 "batch": badness 1351, VmRSS 270 MiB', "blog[77]"),
    unit("app.service: Watchdog timeout (limit 30s)!"), unit("app.service: Service reached runtime time limit. Stopping."),
    "Warning  Evicted  pod/a  The node was low on resource: ephemeral-storage.", "copied bytes=137 of 137 files", "rate=137",
    T + "earlyoom[9]: sending SIGTERM when mem <= 10.00% and swap <= 100.00%,",
    T + "systemd-oomd[9]: Considered 1 cgroups for killing, top candidates were:",
    T + "nohang[3]:   PID: 27275, Name: Web Content, badness: 121",
    T + f'containerd[7]: time="x" msg="TaskExit event &TaskExit{{ContainerID:{ID},ID:{"b" * 64},Pid:21,ExitStatus:137,ExitedAt:x,}}"',
    T + f'containerd[7]: time="x" msg="TaskExit event &TaskExit{{ContainerID:{ID},ID:{ID},Pid:21,ExitStatus:1371,ExitedAt:x,}}"',
    T + f'kubelet[4]: "Killing container with a grace period" pod="shop/web" containerID="containerd://{ID}" gracePeriod=30',
    f"2026-11-23T10:00:00+01:00 container die {ID} (exitCode=1, image=redis, name=cache)",
    f"2026-11-23T10:00:00+01:00 container kill {ID} (image=redis, name=cache, signal=15)",
    docker_event("die", exitCode="143"), '{"Status":"exited","OOMKilled":false,"ExitCode":0}', '            "OOMKilled": false,',
    T + "sudo[5]: alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/kill -9 4242",
    T + "sudo[5]: alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/skill -9 4242",
    T + "kernel: OOM killer disabled.", T + "kernel: OOM killer enabled.", T + "kernel: Memory cgroup min protection 0kB -- low protection 0kB",
    '{"MESSAGE": "Killed process 7", "SYSLOG_IDENTIFIER": 7', "[{", "__CURSOR=", "",
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_death_that_programs_tell_of(name: str) -> None:
    lines, (killer, known) = CASES[name]
    events = list(read(lines))
    assert [event.killer for event in events] == [killer]
    event = events[0]
    assert event.outcome == (None if killer in ("none", "unknown") else "killed")
    victim = event.victim
    assert victim is not None
    told = {
        "pid": victim.pid, "name": victim.name, "unit": victim.owner.unit, "container": victim.owner.container,
        "pod": victim.owner.pod, "actor": event.actor,
    }  # fmt: skip
    assert {key: told[key] for key in known} == known
    assert explain(event).advice


@pytest.mark.parametrize("line", NOTHING)
def test_what_only_looks_like_a_death_is_none(line: str) -> None:
    assert [(event.killer, event.outcome) for event in read([line])] == []


@pytest.mark.parametrize("name", ["systemd 252", "docker events", "stop timeout", "oomd by pressure", "nohang"])
def test_two_deaths_of_one_kind_are_two(name: str) -> None:
    lines, (killer, _) = CASES[name]
    quiet = [T + "cron[8]: nothing"] * 300
    assert [event.killer for event in read([*lines, *quiet, *lines])] == [killer, killer]


def test_evidence_names_the_line_and_speaks_for_or_against() -> None:
    lines, _ = CASES["stop timeout"]
    event = next(read(lines))
    assert event.evidence == ("line 3: its main process ended by SIGKILL",)
    assert event.against[0] == "line 1: it did not end in time, and systemd sent SIGKILL"
    inspected = next(read(CASES["docker inspect"][0]))
    assert inspected.against == ("line 2: Docker says that the container was not OOM-killed",)
    found = explain(event)
    assert "not killed by an OOM killer, but by systemd: a stop timeout" in found.headline
    assert "TimeoutStopSec=" in found.advice[0].text


def test_a_dump_behind_the_kill_is_not_counted_again() -> None:
    """Who was killed while it asked fails to get its page, and the kernel tells of the memory a second time."""
    huge = "[    1.0] Node 0 hugepages_total=1 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB"
    lines = [
        "[    1.0] p3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "[    1.0] Mem-Info:",
        huge,
        "[    1.0] Out of memory: Killed process 7 (p3) total-vm:9kB, anon-rss:5kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0",
        "[    1.1] p3: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
        "[    1.1] Mem-Info:",
        huge,
    ]
    (event,) = read(lines)
    assert event.machine is not None
    assert event.machine.hugetlb_kb == 2048
