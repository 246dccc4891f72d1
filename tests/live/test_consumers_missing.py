"""An oracle that is missing: a skip with its reason on a desk, a failure in CI."""

from __future__ import annotations

from pathlib import Path

import pytest
from consumers import folder, locate, need


def test_a_missing_consumer_skips_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="frobctl is not installed"):
        need("frobctl is not installed")


def test_a_missing_consumer_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="frobctl is not installed"):
        need("frobctl is not installed")


def test_nothing_missing_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    need(None)


def test_a_tool_is_found_by_variable_then_path_then_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("OOMCONF_FROB", raising=False)
    places = [tmp_path / "oomconf-tests" / "bin" / "frob", tmp_path / "path" / "frob", tmp_path / "told"]
    assert locate("frob", "OOMCONF_FROB") is None
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n", encoding="utf-8")
        place.chmod(0o755)
        if place.name == "told":
            monkeypatch.setenv("OOMCONF_FROB", str(place))
        assert locate("frob", "OOMCONF_FROB") == place
    places[2].unlink()
    assert locate("frob", "OOMCONF_FROB") is None, "a wrong path is not silently replaced"


def test_a_folder_is_readable_by_others_and_goes_away() -> None:
    with folder({"a/b.conf": "x\n"}) as root:
        assert (root / "a" / "b.conf").read_text(encoding="utf-8") == "x\n"
        assert [oct(path.stat().st_mode & 0o777) for path in (root, root / "a", root / "a" / "b.conf")] == ["0o755", "0o755", "0o644"]
    assert not root.exists()
