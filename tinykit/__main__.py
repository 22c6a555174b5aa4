"""`python -m tinykit` is the `tinykit` command."""

from tinykit.cli.main import main

main()
