"""What can go wrong on the holder's side, and the exit code of every error.

0  valid, done
1  a negative answer: not provable, proof or document refused, verdict "refused"
2  usage or bad input: a file, an option, a password
3  cannot say: the disk or a service failed, nothing is known about the proof
"""

from __future__ import annotations

from zkmargin.errors import InputError, VerificationError, WitnessError, ZkMarginError

EXIT_NEGATIVE = 1
EXIT_BAD_INPUT = 2
EXIT_CANNOT_SAY = 3


class PasswordError(InputError):
    """The keystore does not open with this password, or was altered: the two cannot be told apart."""

    default_code = "wrong_password"


class WalletError(InputError):
    """The wallet is not in the state that the command needs."""

    default_code = "wallet"


class NotProvable(WitnessError):
    """The claim does not hold. The message names the shortfall: it is for the holder's own screen and nowhere else."""


class Refused(VerificationError):
    """A venue or verifier answered, and the answer is no; ``code`` is its reason code."""

    default_code = "refused"
    receipt: object = None
    """The signed receipt of the refusal, where the service gave one: untrusted until its signature is checked."""


class Unavailable(ZkMarginError):
    """A service or a disk did not answer: nothing can be said."""

    default_code = "unavailable"


def exit_code(error: ZkMarginError) -> int:
    """The exit code of ``error``, by its class."""
    if isinstance(error, InputError):
        return EXIT_BAD_INPUT
    if isinstance(error, WitnessError | VerificationError):
        return EXIT_NEGATIVE
    return EXIT_CANNOT_SAY
