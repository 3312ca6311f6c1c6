"""The four packages of one distribution recognise each other.

``circuits``, ``prover`` and ``verifier`` are also the names of other projects on PyPI, and the last one installed wins
the folder. A package of ours re-exports ``MARKER`` from its ``__init__``; whoever imports it asks ``require`` first. A
marker and not a path, because a foreign package lands in the very same folder, and an editable install in another.
"""

from __future__ import annotations

import importlib

MARKER = "zkmargin-distribution"


def require(name: str) -> None:
    """Refuse to go on with a package called ``name`` that another project installed.

    Raises: ImportError, with what to do about it.
    """
    if getattr(importlib.import_module(name), "ZKMARGIN", None) != MARKER:
        raise ImportError(
            f"the package '{name}' that Python found belongs to another project, not to zkmargin; "
            "install zkmargin into a virtual environment of its own (or with pipx)"
        )
