"""Scripts that take swap away."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def swap_turned_off(entry: Entry, around: Context) -> Iterator[Problem]:
    """Turning swap off takes away the machine's only slack before the OOM killer.

    Without swap anonymous memory cannot be reclaimed: a short peak that swap would carry ends in a kill, and `memory.high` freezes
    a service instead of slowing it. swapoff also reads everything back at once, and is itself a reason to be killed. Silent where
    swap is turned on again, in scripts that set up Kubernetes, whose kubelet may want it, and in those of CI runners.
    A spec cannot make this mistake: it writes no scripts.

    ```sh bad tune.sh
    swapoff -a   ⟵
    sed -i '/ swap / d' /etc/fstab
    ```

    ```sh bad quiet.sh
    swapoff -a   ⟵
    run-benchmark
    ```

    ```sh good ci/free-disk-space.sh
    swapoff -a
    rm -f /mnt/swapfile
    ```

    ```sh good resize.sh
    swapoff -a
    fallocate -l 4G /swapfile && mkswap /swapfile
    swapon -a
    ```

    ```sh good node.sh
    swapoff -a
    kubeadm join --config /etc/kubeadm.yaml
    ```
    """
    if entry.dialect == "script" and entry.key == "swapoff":
        yield Problem(
            entry.at,
            f"all swap is turned off {'and stays off' if entry.section == 'kept' else 'until the next boot'}",
            "keep some, and say vm.swappiness=10 or MemorySwapMax=0 for what must not be swapped",
            object=entry.object,
        )
