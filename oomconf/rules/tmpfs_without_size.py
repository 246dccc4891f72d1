"""Files in memory without a size."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Workload, severity=Severity.NOTE)
def tmpfs_without_size(workload: Workload, around: Context) -> Iterator[Problem]:
    """A tmpfs without a size may fill the memory of its container, which then is killed.

    Docker gives a tmpfs without `size=` half of the machine's RAM, and the kubelet an emptyDir of medium Memory the limit of the
    pod or the whole node (pkg/volume/emptydir). Its pages count against the memory limit, so a log or an upload that fills it kills
    the program. Silent where no limit is known. A spec cannot make this mistake: it has no words for a tmpfs.

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 256m
        tmpfs: /tmp   ⟵
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
          emptyDir: {medium: Memory}   ⟵
    ```

    ```yaml good compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 256m
        tmpfs: /tmp:size=32m
    ```
    """
    limit = around.limit(workload)
    for one in workload.tmpfs:
        if limit is not None and one.size is None:
            yield Problem(
                one.at,
                f"{one.path or 'the tmpfs'} has no size of its own, and {workload.name} is killed at {limit}",
                "say a size: sizeLimit in Kubernetes, size= for a tmpfs of Docker",
            )
