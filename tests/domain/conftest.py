"""The settings of hypothesis hold in all tests of this folder."""

import tests.strategies  # noqa: F401
