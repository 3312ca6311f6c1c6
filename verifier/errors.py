"""What can go wrong in the service and its commands, and the exit code of every error.

    0  valid, done
    1  a negative answer: a signature, a document or a proof is refused
    2  usage or bad input: a file, an option, the configuration
    3  cannot say: the disk, the database or a service failed

A refusal is a ``ContextError`` with a reason code, or whatever zkmargin raised for the bytes; problems.py gives it its
HTTP status.
"""

from __future__ import annotations

from zkmargin.errors import InputError, VerificationError, ZkMarginError

EXIT_NEGATIVE = 1
EXIT_BAD_INPUT = 2
EXIT_CANNOT_SAY = 3


class Unavailable(ZkMarginError):
    """The disk, the database or another service failed: nothing can be said, and nothing was changed."""

    default_code = "unavailable"


def exit_code(error: ZkMarginError) -> int:
    """The exit code of ``error``, by its class."""
    if isinstance(error, InputError):
        return EXIT_BAD_INPUT
    if isinstance(error, VerificationError):
        return EXIT_NEGATIVE
    return EXIT_CANNOT_SAY
