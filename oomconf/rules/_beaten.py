"""What rules about several files ask of a value: what it overrides, and where that stands."""

from __future__ import annotations

from typing import Any

from oomconf.policy import Setting

__all__ = ["undone"]


def undone(setting: Setting[Any]) -> Setting[Any] | None:
    """Give the other value that an earlier file of the same folder says; None if there is none, or it says the same.

    A file in another folder, as the vendor's, is there to be overridden.
    """
    folder = _folder(setting)
    for other in setting.beat:
        same = _folder(other) == folder and other.at.path != setting.at.path
        if same and other.value is not None and other.value != setting.value:
            return other
    return None


def _folder(setting: Setting[Any]) -> str:
    return setting.at.path.rpartition("/")[0]
