"""`python -m kairos_cli` is `kairos`."""

from kairos_cli.cli.main import run

run()
