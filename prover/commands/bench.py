"""zkmargin bench."""

from __future__ import annotations

from typing import Annotated

import typer

from ..bench import BATCH, MIN_RUNS, run
from ..console import Output, OutputOption, emit, note, table

DEFAULT_MARKETS = (20, 100)


def bench(
    markets: Annotated[
        list[int] | None,
        typer.Option("--markets", min=1, max=500, help="How many markets; repeat it.", show_default="20 and 100"),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=MIN_RUNS, help="Runs; the median counts.")] = 11,
    batch: Annotated[int, typer.Option("--batch", min=2, max=4096, help="Proofs in a batch.")] = BATCH,
    output: OutputOption = Output.TEXT,
) -> None:
    """Measure proving, verifying and batch verifying, in one thread of one process.

    The unit is one library multi-scalar multiplication of 377 full-width terms, measured in between the rest.

    \b
    Examples:
      zkmargin bench
      zkmargin bench --markets 20 --markets 500 -o json
    """
    value = run(markets or DEFAULT_MARKETS, runs=runs, batch=batch, progress=note)

    def show() -> None:
        print(f"unit: {value['unit_msm_ms']} ms, one sum of 377 terms")
        columns = tuple(value["results"][0])
        rows = [[str(cell) for cell in result.values()] for result in value["results"]]
        table("", columns, rows, right=range(len(columns)))

    emit(output, value, show)
