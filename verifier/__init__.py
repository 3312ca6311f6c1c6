"""The service: holds states, publishes parameters and oracle rounds, gives verdicts and statuses; its operator's CLI;
the venue's."""

from zkmargin.distribution import MARKER as ZKMARGIN
from zkmargin.distribution import require

require("circuits")

__all__ = ["ZKMARGIN"]
