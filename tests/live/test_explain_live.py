"""What explain says of a unit's files against systemd's own dump: which files, which line wins, which value is in force."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from boxes import fake
from consumers import systemd
from strewn import FOLDERS, host

from oomconf.explanation import Explanation
from oomconf.explanation.look import PROPERTIES
from oomconf.host.explained import explained
from oomconf.host.snapshot import capture
from oomconf.host.whole_files import with_units
from oomconf.origins import files_of, said_of
from oomconf.quantity import INFINITY, Percent
from oomconf.snapshot import Snapshot, read

pytestmark = pytest.mark.live("systemd")

DEFAULTS: Final = {
    "memory_min": "0", "memory_low": "0", "memory_high": systemd.UNLIMITED, "memory_max": systemd.UNLIMITED, "memory_swap_max": systemd.UNLIMITED,
    "oom_policy": "stop", "restart": "no", "managed_oom_swap": "auto", "managed_oom_memory_pressure": "auto",
    "managed_oom_memory_pressure_limit": "0.00%", "managed_oom_preference": "none",
}  # fmt: skip


def words(value: Any, memory: int) -> str:
    if isinstance(value, Percent):
        return str(int(value.of(memory)))
    return str(int(value)) if isinstance(value, int) else str(value)


def shown(unit: str, field: str, value: Any, memory: int) -> str:
    if value is None and field == "slice":
        stem = unit.partition("@")[0]
        return f"system-{stem.replace('-', chr(92) + 'x2d')}.slice" if "@" in unit else "system.slice"
    if value is None:
        return DEFAULTS[field]
    if isinstance(value, Percent) and field == "managed_oom_memory_pressure_limit":
        return f"{value.permyriad // 100}.{value.permyriad % 100:02d}%"
    return words(value, memory)


def memory() -> int:
    found = read(capture()).memory_total
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("silent", [False, True])
def test_of_files_strewn_over_the_load_path_the_same_win_as_for_the_manager(tmp_path: Path, seed: int, silent: bool) -> None:
    files, names = host(Random(seed), 80, silent=silent)
    real = systemd.effective(files, also=names)
    fake(tmp_path, files)
    ram = memory()
    taken = read(capture(str(tmp_path)) + f"/proc/meminfo:MemTotal: {ram // 1024} kB\n")
    whole = with_units(taken, names, str(tmp_path))
    facts = 0
    for unit in names:
        facts += agrees(whole, unit, real[unit], ram)
        assert said_of(taken, unit) == said_of(whole, unit), unit
        assert files_of(taken, unit) == files_of(whole, unit), unit
    assert facts > 600


def agrees(taken: Snapshot, unit: str, real: dict[str, str], ram: int) -> int:
    said = said_of(taken, unit)
    if real["Unit Load State"] != "loaded":
        assert said == {}, unit
        return 1
    if (real.get("Fragment Path") or "") and "DropIn Path" in real:
        mine = [strip(path) for path in files_of(taken, unit)[1:]]
        assert mine == real["DropIn Path"].split("\n"), unit
    kind = unit.rpartition(".")[2]
    count = 0
    for field, key in PROPERTIES.items():
        if key not in real or field == "oom_score_adj" or (kind == "slice" and field not in DEFAULTS):
            continue
        setting = said.get(field)
        assert shown(unit, field, None if setting is None else setting.value, ram) == real[key], (unit, field, setting)
        count += 1
    score = said.get("oom_score_adj")
    if score is not None and score.value is not None:
        assert str(score.value) == real["OOMScoreAdjust"], unit
    (found,) = explained(taken, unit)
    return count + told(found, said)


def strip(path: str) -> str:
    for folder in FOLDERS:
        path = path.removeprefix(f"/{folder}/")
    return path


def told(found: Explanation, said: Any) -> int:
    """The report's lines are those of the reader: one wins if one is valid, and it is the last that is not ignored."""
    for one in found.settings:
        winners = [line for line in one.lines if line.fate == "wins"]
        setting = said.get(one.field)
        valid = setting is not None and setting.value is not None
        assert [line.at for line in winners] == ([setting.at] if valid else []), one
        assert bool(one.by) != valid, one
        if valid and isinstance(setting.value, int):
            assert one.value == min(INFINITY, setting.value), one
        assert all(line.why for line in one.lines if line.fate == "ignored")
    return len(found.settings)
