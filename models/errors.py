"""The one error tree of the studio.

Design:
- Every error says one line (what is wrong and where), a `hint` (what to do) and whether a retry can help.
- Adapters map third-party errors to these at their edge; nothing above `models/` sees a library's exception.
- `exit_code` is what the command line ends with: 2 bad brief or arguments, 3 a model is missing, 4 a step
  failed, 130 cancelled.
"""

from __future__ import annotations


class StudioError(Exception):
    """Base of all errors a person may see.

    Args:
        message: One line: what is wrong, and where.
        hint: One line: what to do about it; may be empty.
        retryable: Whether the same call can succeed later without any change.
    """

    exit_code = 4
    retryable = False

    def __init__(self, message: str, *, hint: str = "", retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default reduction between processes.
        return (_rebuild, (type(self), self.message, self.hint, self.retryable))


def _rebuild(kind: type[StudioError], message: str, hint: str, retryable: bool) -> StudioError:
    return kind(message, hint=hint, retryable=retryable)


class BadInput(StudioError):
    """A brief, an argument or a file given by a person cannot be used. Names the field."""

    exit_code = 2


class UnsupportedArgument(BadInput):
    """The chosen model cannot honour this argument; nothing is silently dropped."""


class ModelMissing(StudioError):
    """A card's files are not on this machine. The hint is the exact command that brings them."""

    exit_code = 3


class CorruptFile(StudioError):
    """A stored file does not have the digest, or the form, it should have."""


class SourceUnavailable(StudioError):
    """A model source did not answer. Retrying later can help."""

    exit_code = 3
    retryable = True


class OutOfMemory(StudioError):
    """A lease does not fit the memory budget even after evicting what is idle."""


class DiskFull(StudioError):
    """Writing stopped because the disk is full; what was finished is kept."""


class AdapterFailed(StudioError):
    """A runtime failed inside an adapter (a crash, a bad tensor). Retrying can help."""

    retryable = True


class StepFailed(StudioError):
    """A step could not make its artifacts."""


class Cancelled(StudioError):
    """The person, or a shutdown, asked to stop."""

    exit_code = 130
