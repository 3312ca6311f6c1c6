"""zkmargin demo."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..console import Output, OutputOption, emit, note, table
from ..demo.scenario import Story, run
from ..errors import EXIT_NEGATIVE


def demo(
    collateral: Annotated[
        bool, typer.Option("--collateral", help="Play the story of collateral on two chains instead.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Play the whole main job on this machine: venue, verifier, three accounts, attacks, moving prices.

    Venue and verifier are processes of their own on loopback, with a SQLite file in a temporary directory; nothing is
    left afterwards. Exit code 0 only if all went as it should.

    With --collateral: two EVM chains with a vault each, three attestors, and an account short of margin that is solvent
    with what it has locked there; until it asks for one lock back. Takes a minute, and the devnet extra.

    \b
    Examples:
      zkmargin demo
      zkmargin demo --collateral -o json
    """
    if collateral:
        _demo_collateral(output)
        return
    story = run(lambda step: note(f"- {step}"))
    emit(output, story.to_value(), lambda: _show(story))
    _end(story.wrong)


def _demo_collateral(output: Output) -> None:
    from ..demo import collateral

    story = collateral.run(lambda step: note(f"- {step}"))
    emit(output, story.to_value(), lambda: _show_steps(story.steps, story.wrong))
    _end(story.wrong)


def _show_steps(steps: list[dict[str, Any]], wrong: list[str]) -> None:
    print()
    table("Collateral", ("step", "result"), [(str(step["step"]), str(step["result"])) for step in steps])
    print()
    _say(wrong)


def _say(wrong: list[str]) -> None:
    print("all went as it should" if not wrong else "NOT everything went as it should")


def _end(wrong: list[str]) -> None:
    for entry in wrong:
        note(f"WRONG: {entry}")
    if wrong:
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
    _say(story.wrong)
