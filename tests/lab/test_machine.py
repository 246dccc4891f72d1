"""The test bed itself: what a claim about the machines rests on."""

from __future__ import annotations

import pytest
from machine import BOOKWORM_SMALL, Machine, MachineError, Shape
from record import Proven


def test_it_is_a_real_debian_under_systemd_with_pure_cgroup_v2(machine: Machine, shape: Shape, proven: Proven) -> None:
    assert machine.out("systemctl is-system-running") == "running"
    assert machine.out("stat -fc %T /sys/fs/cgroup") == "cgroup2fs"
    assert machine.out("uname -r") == shape.release()
    assert machine.out("cat /proc/pressure/memory").startswith("some avg10=")
    codename = machine.out("sed -n 's/^VERSION_CODENAME=//p' /etc/os-release")
    assert codename == shape.image.suite
    assert machine.out("systemctl --version | head -n 1").split()[1] == {"bookworm": "252", "trixie": "257"}[codename]
    assert shape.release().startswith({"bookworm": "6.1.", "trixie": "6.12."}[codename])
    proven("a booted machine: systemd, pure cgroup v2, PSI", shape.title, 1)


def test_a_command_has_its_status_its_outputs_and_its_time(machine: Machine) -> None:
    done = machine.run("cat; echo aside >&2; exit 3", check=False, stdin=b"in\n")
    assert (done.status, done.out, done.err) == (3, "in\n", "aside\n")
    assert machine.run("kill -9 $$", check=False).status == 137
    assert machine.run("sleep 60", check=False, timeout=1).status == 124
    with pytest.raises(AssertionError, match="exits 1"):
        machine.run("false")
    assert machine.out("cat /proc/self/oom_score_adj") == "0"


def test_nothing_is_kept_from_one_machine_to_the_next(shape: Shape) -> None:
    for _ in range(2):
        with shape.machine() as found:
            assert found.run("test -e /root/left", check=False).status == 1
            found.put({"/root/left": "here\n"})
            assert found.read("/root/left") == "here"


def test_a_panic_is_told_with_what_the_kernel_said() -> None:
    with BOOKWORM_SMALL.machine() as found:
        with pytest.raises(MachineError):
            found.run("dmesg -n 8; sysctl -q vm.panic_on_oom=1; hog -g 200 100")
        assert "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled" in found.console()
