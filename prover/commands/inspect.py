"""zkmargin inspect: what a bundle reveals, field by field, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zkmargin.bundle import BoxEntry

from .. import public
from ..console import Output, OutputOption, emit, table
from ..inspection import inspection


def inspect(
    bundle: Annotated[Path, typer.Argument(metavar="FILE", help="Bundle to look into.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what a bundle reveals to whoever gets it, field by field. Nothing is verified.

    \b
    Examples:
      zkmargin inspect proof.zkmargin.json
      zkmargin inspect proof.zkmargin.json -o json
    """
    value = inspection(public.load_bundle(bundle))

    def show() -> None:
        _show_part("What it reveals", ("field", "value", "tells"), value["reveals"])
        _show_part("What it does not reveal", ("what", "why"), value["hides"])
        columns = [name for name in BoxEntry.model_fields if any(name in row for row in value["box"])]
        table(
            "The box: the claim holds for every price and funding index in it",
            [name.replace("_", " ") for name in columns],
            [[row.get(name, "-") for name in columns] for row in value["box"]],
            right=range(1, len(columns)),
        )

    emit(output, value, show)


def _show_part(title: str, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    table(title, columns, [[row[column] for column in columns] for row in rows])
    print()
