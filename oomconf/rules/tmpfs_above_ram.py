"""File systems in memory that are larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.quantity import INFINITY, Percent, Size
from oomconf.rule import Context, Problem, Related, Severity, rule

_WHOLE = 10_000
_DOUBTED = 2


@rule(on=Policy, severity=Severity.WARNING, needs=("memory_total",))
def tmpfs_above_ram(policy: Policy, around: Context) -> Iterator[Problem]:
    """A tmpfs that may hold more than the machine ends in the OOM killer instead of "no space left".

    The size of a tmpfs is all that bounds it, and its pages can go to swap and nowhere else (tmpfs(5)). Whoever fills it makes the
    machine run out; the OOM killer then kills one process after another and frees none of it, for the files stay. Where swap is not
    known, a size is found that is twice the RAM. A spec cannot make this mistake: it has no words for a tmpfs.

    ```fstab bad etc/fstab memory_total=17179869184 swap_total=0
    UUID=1234 / ext4 defaults 0 1
    tmpfs /tmp tmpfs mode=1777,size=20g 0 0   ⟵
    ```

    ```ini bad etc/systemd/system/tmp.mount memory_total=17179869184
    [Mount]
    What=tmpfs
    Where=/tmp
    Type=tmpfs
    Options=mode=1777,size=64g   ⟵
    ```

    ```sh bad setup.sh memory_total=17179869184
    mount -t tmpfs -o size=64g tmpfs /mnt   ⟵
    ```

    ```fstab good etc/fstab memory_total=17179869184 swap_total=17179869184
    tmpfs /tmp tmpfs size=20g 0 0
    tmpfs /var/tmp tmpfs size=50%,mode=1777 0 0
    # tmpfs /old tmpfs size=64g 0 0
    ```

    ```ini good etc/systemd/system/tmp.mount memory_total=17179869184 swap_total=0
    [Mount]
    Type=tmpfs
    Options=mode=1777,size=64g
    ```

    ```ini with etc/systemd/system/tmp.mount.d/10-size.conf
    [Mount]
    Options=mode=1777,size=2g
    ```
    """
    ram, swap = around.memory_total, around.swap_total
    if ram is None or ram.value is None:
        return
    room = Size(ram.value * _DOUBTED if swap is None else ram.value + swap)
    for one in policy.tmpfs:
        size = _size(one.size.value, ram.value) if one.size is not None else None
        if one.size is not None and size is not None and size >= room:
            what = "" if swap is None else f" and {swap or 'no'} swap"
            yield Problem(
                one.size.at,
                f"{one.path or 'the tmpfs'} may hold {one.size.text}, and {policy.name} has {ram.value} of RAM{what}",
                "give it a part of RAM, such as size=25%",
                (Related(ram.at, "RAM is declared here"),),
            )


def _size(value: Size | Percent | None, ram: Size) -> Size | None:
    size = Size(ram * value.permyriad // _WHOLE) if isinstance(value, Percent) else value
    return None if size is None or size >= INFINITY else size
