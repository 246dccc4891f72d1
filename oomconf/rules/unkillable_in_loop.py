"""Scripts that make whole classes of processes unkillable."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_LOWEST = {"oom_score_adj": "-1000", "oom_adj": "-17"}


@rule(on=Entry, severity=Severity.ERROR)
def unkillable_in_loop(entry: Entry, around: Context) -> Iterator[Problem]:
    """A loop that writes -1000 makes every process that it meets unkillable, and all that they start.

    A score is inherited by fork (proc(5): oom_score_adj), so the next worker of each of these processes cannot be killed either.
    When memory runs out the kernel kills everything else and then panics: "System is deadlocked on memory" (mm/oom_kill.c:
    out_of_memory). What a loop finds today is also not what runs tomorrow: a restart loses the score.
    A spec cannot make this mistake: it writes no scripts.

    ```sh bad protect.sh
    for pid in $(pgrep postgres); do
      echo -1000 > /proc/$pid/oom_score_adj   ⟵
    done
    ```

    ```sh bad protect.sh
    pgrep -f java | xargs -I{} sh -c 'echo -17 > /proc/{}/oom_adj'   ⟵
    ```

    ```sh good protect.sh
    for pid in $(pgrep postgres); do
      echo -500 > "/proc/$pid/oom_score_adj"
    done
    ```
    """
    if entry.dialect == "script" and entry.section == "loop" and not entry.fault and _LOWEST.get(entry.key) == entry.value:
        yield Problem(
            entry.at,
            "every process that the loop finds, and all that it starts, can never be killed",
            "say OOMScoreAdjust=-900 or less in the one unit that must live, and leave the rest as they are",
            object=entry.object,
        )
