"""What goes wrong in this room. Every message says what, where and what to do."""


class ReleaseError(Exception):
    """The family of this room."""


class BuildError(ReleaseError):
    """A release could not be built; the one that serves is not touched. `ours` when golive's machine is the reason."""

    def __init__(self, message: str, *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours


class Refused(ReleaseError):
    """A deploy did not begin: another one runs, a gate objects, or there is nothing to deploy."""

    exit_code = 3


class StepFailed(ReleaseError):
    """A step of a deploy failed; the executor undoes what was done."""
