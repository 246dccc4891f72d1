"""Kernels that are told to leave memory alone."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def memory_control_off(entry: Entry, around: Context) -> Iterator[Problem]:
    """cgroup_disable=memory on the kernel's command line takes away every memory limit of the machine.

    The kernel then has no memory controller (Documentation/admin-guide/kernel-parameters.txt), and nobody fails for it: systemd
    starts services without MemoryMax=, an engine starts containers with a warning that the limit was dropped, and the kubelet does
    not start. The firmware of a Raspberry Pi puts it there by itself, and cgroup_enable=memory in cmdline.txt undoes it.
    A spec cannot make this mistake: it has no word for it.

    ```sh bad etc/default/grub
    GRUB_TIMEOUT=5
    GRUB_CMDLINE_LINUX="quiet cgroup_disable=memory"   ⟵
    ```

    ```sh good etc/default/grub
    # GRUB_CMDLINE_LINUX="cgroup_disable=memory"
    GRUB_CMDLINE_LINUX="cgroup_disable=memory"
    GRUB_CMDLINE_LINUX="quiet cgroup_disable=cpu"
    ```

    ```text bad boot/firmware/cmdline.txt
    console=tty1 root=PARTUUID=1234 cgroup_disable=memory rootwait   ⟵
    ```

    ```text good boot/firmware/cmdline.txt
    console=tty1 root=PARTUUID=1234 cgroup_disable=memory cgroup_enable=memory rootwait
    ```
    """
    if entry.dialect == "cmdline" and entry.key == "cgroup_disable":
        yield Problem(
            entry.at,
            "the kernel has no memory controller with this: no memory limit of the machine is in force",
            "remove memory from it",
            object=entry.object,
        )
