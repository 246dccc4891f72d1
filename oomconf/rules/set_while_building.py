"""Settings of a machine that an image cannot carry."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def set_while_building(entry: Entry, around: Context) -> Iterator[Problem]:
    """A sysctl or a score set while an image is built is not in the image.

    RUN changes files; `sysctl -w` and writes to /proc and /sys go to the kernel of the machine that builds, which mostly refuses
    them, and whatever is made of the image starts with the settings of its own machine. A file in /etc/sysctl.d does land in the
    image: where the image boots (bootc) it is read, in a container by nobody, and it is not reported.
    A spec cannot make this mistake: it writes no scripts.

    ```dockerfile bad Dockerfile
    FROM registry.example/base
    RUN sysctl -w vm.overcommit_memory=1   ⟵
    ```

    ```dockerfile bad Dockerfile
    FROM registry.example/base
    RUN apt-get update \
        && echo 10 > /proc/sys/vm/swappiness   ⟵
    ```

    ```dockerfile good Containerfile
    FROM quay.io/fedora/fedora-bootc:42
    RUN echo 'vm.swappiness = 10' > /etc/sysctl.d/90-memory.conf
    ```

    ```dockerfile good Dockerfile
    FROM registry.example/base
    RUN apt-get update && apt-get install -y procps
    CMD ["redis-server"]
    ```
    """
    if entry.dialect == "script" and entry.section == "build":
        yield Problem(
            entry.at,
            f"{entry.key[:80]} is set on the machine that builds, not in the image",
            "set it on the host: in /etc/sysctl.d for a sysctl, with --oom-score-adj for a score",
            object=entry.object,
        )
