"""``python -m verifier.openapi --out docs/openapi.json``: write the description of the API. The same code, the same
bytes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from zkmargin.envelope import PrivateKey

from .app import create_app
from .service import Service
from .settings import Settings
from .store import Store


def description() -> str:
    """The OpenAPI document, as the file holds it."""
    settings = Settings(venue="venue", audience="audience")
    nowhere = Store("sqlite:////nowhere/never-opened")  # connections are made on use, and nothing is used
    app = create_app(Service(settings, nowhere, PrivateKey(bytes(32))))
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.parse_args().out.write_text(description(), encoding="utf-8")


if __name__ == "__main__":
    main()
