"""The raw values of a scenario, from its file and from flags, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kairos_cli.errors import InputError, Problem, Source
from kairos_cli.loading.limits import broken_rule, is_number
from kairos_cli.loading.toml_file import TomlFile

SCHEMA = "kairos.scenario/1"

#: Each value of a scenario and the flag that overrides it.
FLAG_BY_KEY = {
    "model": "--model",
    "prices": "--prices",
    "mix": "--mix",
    "budget_usd_per_hour": "--budget",
    "qos": "--qos",
    "min_qps": "--min-qps",
    "only": "--only",
    "purchase": "--purchase",
    "max_instances": "--max",
    "max_spot_share": "--max-spot-share",
    "min_types": "--min-types",
    "min_zones": "--min-zones",
    "tolerate_loss": "--tolerate-loss",
    "choose": "--choose",
    "top": "--top",
    "seed": "--seed",
}

#: What only flags give: the pool in use is no part of a question that is asked again after the move.
MOVE_FLAG_BY_KEY = {"from_plan": "--from", "max_changes": "--max-changes"}


#: The keys of the table [serving] and their flags.
SERVING_FLAG_BY_KEY = {"merge": "--merge", "split": "--split", "largest_batch": "--largest-batch"}


class ScenarioValues:
    """The value of each key, where it came from, and what relative paths in it start from."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.source: dict[str, Source] = {}
        self.folder: dict[str, Path] = {}
        self.file: Source | None = None
        self.problems: list[Problem] = []

    def read_file(self, file: TomlFile) -> None:
        """Take the values of a file; raises InputError for keys that no scenario has."""
        file.expect_schema(SCHEMA)
        file.expect_keys(["schema", "name", "description", "limits", "serving", "serve", *FLAG_BY_KEY])
        serving = file.of_type(dict, "serving", required=False) or {}
        file.expect_keys(SERVING_FLAG_BY_KEY, "serving")
        file.finish()
        self.file = Source(str(file.path))
        for key in file.data:
            self._take(key, file.data[key], file.source(key), file.path.parent)
        for key in serving:
            self._take(key, serving[key], file.source("serving", key), file.path.parent)

    def read_flags(self, flags: Mapping[str, Any]) -> None:
        """Take the values of the flags that were given, in place of those of the file."""
        variables = flags.get("variables", {})
        for key, flag in (FLAG_BY_KEY | MOVE_FLAG_BY_KEY | SERVING_FLAG_BY_KEY).items():
            if flags.get(key) is not None:
                self._take(key, flags[key], Source(variables.get(key, flag)), Path())

    def _take(self, key: str, value: Any, source: Source, folder: Path) -> None:
        self.value[key], self.source[key], self.folder[key] = value, source, folder

    def note(self, message: str, key: str | None, hint: str | None = None) -> None:
        """Note what is wrong with a value, or with the scenario as a whole."""
        self.problems.append(Problem(message, self.source.get(key or "", self.file), hint))

    def finish(self) -> None:
        """Raise InputError if any problem was noted."""
        if self.problems:
            raise InputError(self.problems)

    def positive(self, key: str, what: str, unit: str, example: str) -> float | None:
        """Return a number above zero that can be computed with, or None."""
        value = self.value.get(key)
        if value is None:
            return None
        rule = broken_rule(value) if is_number(value) else "> 0"
        if rule:
            shown = f"{value:g}{unit}" if is_number(value) else repr(value)
            self.note(f"{what} must be a number {rule}, got {shown}", key, f"give it in {unit.strip()}: {example}")
            return None
        return float(value)

    def whole(self, key: str, default: int, smallest: int = 0) -> int:
        """Return a whole number that is large enough."""
        value = self.value.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            self.note(f"{key!r} must be a whole number >= {smallest}, got {value!r}", key)
            return default
        return value

    def truth(self, key: str) -> bool:
        """Return a value that is true or false; false if it is not given."""
        value = self.value.get(key, False)
        if not isinstance(value, bool):
            self.note(f"{key!r} must be true or false, got {value!r}", key)
        return value is True

    def asked(self, key: str, value: str) -> str:
        """Return a value as it was asked for: `--min-types 3`, or `min_types = 3 (scenario.toml:7)`."""
        source = self.source[key]
        return f"{source} {value}" if source.line is None else f"{key} = {value} ({source})"
