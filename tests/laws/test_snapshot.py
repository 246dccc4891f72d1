"""Laws of captures: whatever number stands in one, and wherever it was cut, it is read, and each verb has an answer or a refusal in words."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from oomconf.api import init_spec
from oomconf.errors import OomconfError
from oomconf.explanation import explain, find
from oomconf.inforce import audit_host
from oomconf.reports import audit_json, audit_metrics, audit_text, explanation_text, simulation_text
from oomconf.reports._terminal import Paper
from oomconf.simulation import machine_of_snapshot, simulate_host
from oomconf.snapshot import read

ROOT = Path(__file__).parent.parent
LINES = [*(ROOT / "data/drifted.snapshot").read_text().splitlines()]
NUMBERED = [index for index, line in enumerate(LINES) if re.search(r"[0-9]", line)]
NUMBERS = st.one_of(st.sampled_from(["0", "-1", "1", "max", "", "9" * 30, "4294967296"]), st.integers(-(1 << 70), 1 << 70).map(str))
PAPER = Paper(colour=False, unicode=True, width=100)


def answered(text: str) -> None:
    taken = read(text)
    for name in ("nginx.service", "web.slice", "vm.swappiness"):
        with contextlib.suppress(OomconfError):
            explanation_text.render(explain(taken, find(taken, name)[0]), PAPER)
    if taken.memory_total is None:
        return  # what every other verb refuses
    found = audit_host(taken)
    assert audit_text.render(found, PAPER) + audit_json.render(found) + audit_metrics.render(found, 0)
    assert init_spec(taken).text
    simulation = simulate_host(machine_of_snapshot(taken))
    assert simulation_text.render(simulation, PAPER, steps=True)


@given(st.sampled_from(NUMBERED), NUMBERS, st.randoms(use_true_random=False))
def test_any_number_is_read(index: int, number: str, random) -> None:  # type: ignore[no-untyped-def]
    line = LINES[index]
    spot = random.choice([*re.finditer(r"[0-9]+", line)])
    changed = line[: spot.start()] + number + line[spot.end() :]
    answered("\n".join([*LINES[:index], changed, *LINES[index + 1 :], ""]))


@given(NUMBERS, NUMBERS)
@example("0", "4096")
@example("1", "4096")
@example("2097152", "0")
@example("2097152", "-4096")
def test_any_size_of_a_machine_and_its_pages_is_read(total: str, page: str) -> None:
    text = "\n".join([*LINES, ""])
    text = re.sub(r"(/proc/meminfo:MemTotal: *)[0-9]+", rf"\g<1>{total}", text)
    answered(re.sub(r"(/page_size:)[0-9]+", rf"\g<1>{page}", text))


@given(st.integers(0, len("\n".join(LINES))))
def test_any_part_of_a_capture_is_read(length: int) -> None:
    answered("\n".join(LINES)[:length])
