"""The `tinykit` command, also as `python -m tinykit`: loads the command line, and is there for Ctrl-C meanwhile."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `tinykit` command."""
    try:
        from tinykit.cli.main import main as run

        run()
    except KeyboardInterrupt:  # while modules were being loaded: later the command line says so itself
        from tinykit.cli.main import fail
        from tinykit.errors import Interrupted

        sys.exit(fail(Interrupted(), "--json" in sys.argv))


if __name__ == "__main__":
    main()
