"""zkmargin demo."""

from __future__ import annotations

import typer

from ..console import Output, OutputOption, emit, note, table
from ..demo.scenario import Story, run
from ..errors import EXIT_NEGATIVE


def demo(output: OutputOption = Output.TEXT) -> None:
    """Play the whole main job on this machine: venue, verifier, three accounts, attacks, moving prices.

    Venue and verifier are processes of their own on loopback, with a SQLite file in a temporary directory; nothing is
    left afterwards. Exit code 0 only if all went as it should.

    \b
    Examples:
      zkmargin demo
      zkmargin demo -o json
    """
    story = run(lambda step: note(f"- {step}"))
    emit(output, story.to_value(), lambda: _show(story))
    for wrong in story.wrong:
        note(f"WRONG: {wrong}")
    if story.wrong:
        raise typer.Exit(EXIT_NEGATIVE)


def _show(story: Story) -> None:
    print()
    columns = tuple(story.accounts[0])
    rows = [[str(cell) for cell in account.values()] for account in story.accounts]
    table(f"Proofs over {story.markets} markets", columns, rows, right=range(4, 7))
    print()
    names = tuple(story.statuses[0][1])
    table("Statuses", ("", *names), [(when, *found.values()) for when, found in story.statuses])
    print()
    table("Refused", ("what", "reason"), [tuple(refusal.values()) for refusal in story.refusals])
    print()
    print(f"The same bundle again: {story.repetition}, with the first receipt")
    print()
    print("all went as it should" if not story.wrong else "NOT everything went as it should")
