"""The account holder: wallet, account files and importers, HTTP client, the command ``zkmargin``, demo and bench."""

from zkmargin.distribution import MARKER as ZKMARGIN
from zkmargin.distribution import require

require("circuits")

__all__ = ["ZKMARGIN"]
