"""Everything that can stop a command from answering.

    KairosError            no answer: exit code 2
    ├── InputError         a file, a flag or a name is wrong; carries one Problem for each thing wrong
    │   └── NoSuchFile     a path leads nowhere; who named it can say where it was named
    └── SolverError        the solver gave no usable answer

"No pool fits" is an answer, not an error: see planner.plan.NoPlan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from: a file and, if known, the line in it; or a flag such as `--budget`."""

    name: str
    line: int | None = None

    def __str__(self) -> str:
        return self.name if self.line is None else f"{self.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where, what, and what to do about it."""

    message: str
    source: Source | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source else ""
        hint = f"\nhint: {self.hint}" if self.hint else ""
        return f"{place}error: {self.message}{hint}"


class KairosError(Exception):
    """Base of all errors of this package; its text is what the user reads."""


class InputError(KairosError):
    """What the user gave cannot be used; `problems` lists everything found wrong at once."""

    #: A file of rubbish is wrong everywhere; the first problems are enough to see it.
    SHOWN = 20

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        if len(self.problems) > self.SHOWN:
            lines.append(f"… and {len(self.problems) - self.SHOWN} more problems")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[InputError], tuple[Sequence[Problem]]]:
        """Travel to other processes by the problems: an exception would by its text."""
        return type(self), (self.problems,)

    @classmethod
    def of(cls, message: str, source: Source | Path | str | None = None, hint: str | None = None) -> InputError:
        """Return the error of a single problem."""
        if source is not None and not isinstance(source, Source):
            source = Source(str(source))
        return cls([Problem(message, source, hint)])


class NoSuchFile(InputError):
    """There is no file at a path."""


class SolverError(KairosError):
    """The solver stopped without a solution that can be trusted."""
