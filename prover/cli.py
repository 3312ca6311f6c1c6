"""The command ``zkmargin``."""

from __future__ import annotations

import typer

from .commands import (
    account,
    bench,
    collateral,
    commit,
    demo,
    evidence,
    explain,
    inspect,
    prove,
    service,
    verify,
    wallet,
)
from .console import Commands

app = typer.Typer(
    cls=Commands,
    name="zkmargin",
    help=(
        "Prove that a margin account is solvent without showing what it holds."
        " Exit codes: 0 valid, live or done, 1 not provable, refused or not live, 2 bad input, 3 cannot say."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # their tracebacks print local variables: openings, passwords
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(wallet.app)
app.command("import")(account.import_)
app.command("whatif")(account.whatif)
app.command("commit")(commit.commit_)
app.command("prove")(prove.prove_)
collateral.app.command("evidence")(evidence.evidence)
collateral.app.command("show")(evidence.show)
app.add_typer(collateral.app)
app.command("verify")(verify.verify_)
app.command("submit")(service.submit)
app.command("status")(service.status)
app.command("inspect")(inspect.inspect)
app.command("explain")(explain.explain)
app.command("bench")(bench.bench)
app.command("demo")(demo.demo)
