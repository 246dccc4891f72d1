"""A spec from what readers found: what it says, and what it cannot take over."""

from __future__ import annotations

from oomconf.importer.build import Imported, Left, import_policies
from oomconf.importer.page import Page
from oomconf.importer.passed import pipelines, variants

__all__ = ["Imported", "Left", "Page", "import_policies", "pipelines", "variants"]
