"""Thresholds that switch the others off."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def eviction_drops_defaults(entry: Entry, around: Context) -> Iterator[Problem]:
    """evictionHard without memory.available leaves memory to the OOM killer.

    The kubelet fills its defaults in only where the whole map is unset (pkg/kubelet/apis/config/v1beta1/defaults.go): with
    disk signals alone no pod is evicted before the node's memory is gone. mergeDefaultEvictionSettings keeps the defaults. The other
    way round, memory.available alone drops the signals of disks, of which this rule does not speak.
    A spec cannot make this mistake: it is rendered with the other signals.

    ```yaml bad etc/kubernetes/kubelet.conf.d/50-eviction.conf.yaml
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    evictionHard:   ⟵
      nodefs.available: 10%
    ```

    ```yaml good etc/kubernetes/kubelet.conf.d/50-eviction.conf.yaml
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    evictionHard:
      memory.available: 500Mi
      nodefs.available: 10%
      nodefs.inodesFree: 5%
      imagefs.available: 15%
    ```

    ```yaml good etc/kubernetes/kubelet.conf.d/60-eviction.conf.yaml
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    evictionHard:
      memory.available: 500Mi
    ```
    """
    if entry.dialect == "kubelet" and entry.section == "defaults":
        yield Problem(
            entry.at,
            f"without {entry.value} here the kubelet has no threshold for it at all",
            "name it too, or say mergeDefaultEvictionSettings: true",
            object=entry.object,
        )
