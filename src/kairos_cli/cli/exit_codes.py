"""What the exit code of `kairos` says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """A sound "no" is an answer; a bad file or flag leaves the question open."""

    YES = 0
    NO = 1
    NO_ANSWER = 2
    INTERRUPTED = 130
