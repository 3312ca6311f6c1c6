"""zkmargin bench."""

from __future__ import annotations

from typing import Annotated

import typer

from zkmargin.errors import InputError

from ..bench import BATCH, MIN_RUNS, run
from ..bench_samples import SAMPLES, Sample, perpetuals
from ..console import Output, OutputOption, emit, note, table

DEFAULT_MARKETS = (20, 100)


def bench(
    markets: Annotated[
        list[int] | None,
        typer.Option("--markets", min=1, max=500, help="How many markets; repeat it.", show_default="20 and 100"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help=f"A margin model instead: {', '.join(sorted(SAMPLES))}, or all.")
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
      zkmargin bench --model perpetuals-brackets
    """
    value = run(_samples(markets, model), runs=runs, batch=batch, progress=note)

    def show() -> None:
        print(f"unit: {value['unit_msm_ms']} ms, one sum of 377 terms")
        columns = tuple(value["results"][0])
        rows = [[str(cell) for cell in result.values()] for result in value["results"]]
        table("", columns, rows, right=range(len(columns)))

    emit(output, value, show)


def _samples(markets: list[int] | None, model: str | None) -> list[Sample]:
    if model is None:
        return [perpetuals(count) for count in markets or DEFAULT_MARKETS]
    if markets:
        raise InputError("--model has samples of its own: leave --markets out", code="usage")
    names = sorted(SAMPLES) if model == "all" else [model]
    if not set(names) <= set(SAMPLES):
        raise InputError(f"there are samples of {', '.join(sorted(SAMPLES))}", code="unknown_model")
    return [sample for name in names for sample in SAMPLES[name]()]
