"""python -m oomconf."""

from oomconf.cli import main

raise SystemExit(main())
