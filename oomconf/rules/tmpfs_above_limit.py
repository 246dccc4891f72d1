"""Files in memory that count against a limit."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def tmpfs_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A tmpfs as large as the memory limit ends in an OOM kill instead of "no space left".

    The pages of a tmpfs, /dev/shm and an emptyDir of medium Memory are charged to the cgroup that writes them (mm/shmem.c), and
    killing the program frees none of them: the file stays, and the next start meets it. A size well below the limit makes the write
    fail instead. A spec cannot make this mistake: it has no words for a tmpfs.

    ```yaml bad compose.yaml
    services:
      db:
        image: registry.example/db
        mem_limit: 256m
        shm_size: 1g   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        deploy:
          resources:
            limits: {memory: 256M}
        tmpfs:
          - /tmp:size=2g   ⟵
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources: {limits: {memory: 512Mi}}
          volumeMounts: [{name: scratch, mountPath: /scratch}]
      volumes:
        - name: scratch
          emptyDir: {medium: Memory, sizeLimit: 2Gi}   ⟵
    ```

    ```yaml good compose.yaml
    services:
      db:
        image: registry.example/db
        mem_limit: 2g
        shm_size: 256m
    ```
    """
    limit = around.limit(workload)
    for one in workload.tmpfs:
        size = size_of(one.size)
        if limit is not None and one.size is not None and size is not None and size >= limit:
            related = () if workload.memory_max is None else (Related(workload.memory_max.at, "the limit is declared here"),)
            yield Problem(
                one.size.at,
                f"{one.path or 'the tmpfs'} may hold {size}, and {workload.name} is killed at {limit}",
                "make it a part of the limit, or raise the limit by its size",
                related,
            )
