"""Thresholds that switch the others off."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def eviction_drops_defaults(entry: Entry, around: Context) -> Iterator[Problem]:
    """evictionHard with one signal drops the kubelet's defaults for all others.

    The kubelet fills its defaults in only where the whole map is unset (pkg/kubelet/apis/config/v1beta1/defaults.go): with
    memory.available alone a full disk is not noticed any more, and with disk signals alone memory is left to the OOM killer.
    mergeDefaultEvictionSettings keeps them. A spec cannot make this mistake: it is rendered with the other signals.

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
    """
    if entry.dialect == "kubelet" and entry.section == "defaults":
        yield Problem(
            entry.at,
            f"without {entry.value} here the kubelet has no threshold for it at all",
            "name all signals, or say mergeDefaultEvictionSettings: true",
            object=entry.object,
        )
