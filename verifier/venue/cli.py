"""``zkmargin-venue``: set the venue up, run it, attest states.

Exit codes: 0 attested, 1 refused, 2 usage or bad input, 3 cannot say (disk, database or positions failed).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from verifier import disk
from verifier.console import Commands, Output, OutputOption, emit
from verifier.serving import serve as serve_app

from . import setup
from .app import create_app
from .desk import Desk

app = typer.Typer(
    name="zkmargin-venue",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # their tracebacks print values
    help=__doc__,
)
params_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Risk parameters that states are attested under."
)
trust_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Trust documents: whose rounds and parameters count."
)
app.add_typer(params_app, name="params")
app.add_typer(trust_app, name="trust")

Directory = Annotated[Path, typer.Option("--dir", help="Directory of the venue.")]


@app.command()
def init(
    directory: Directory,
    venue: Annotated[str | None, typer.Option(help="The name of the venue.")] = None,
    positions: Annotated[Path | None, typer.Option(help="Directory of position files, one an account.")] = None,
    trust: Annotated[
        Path | None, typer.Option(help="The trust document, signed by its root; it names this venue's key.")
    ] = None,
    params: Annotated[Path | None, typer.Option(help="The risk parameters, signed by a parameter key.")] = None,
    max_round_age_s: Annotated[int | None, typer.Option(min=1, help="See config.toml.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a venue: its keys, database and config.toml; or give documents to one that is there. Prints its public keys.

    The trust document names the attestation key that this command makes: run it first without --trust, and again with
    it.

    Example: zkmargin-venue init --dir venue --venue demo --positions positions --trust trust.json --params params.json
    """
    given: dict[str, Any] = {
        "venue": venue,
        "positions": None if positions is None else str(positions.absolute()),
        "max_round_age_s": max_round_age_s,
    }
    values = {name: value for name, value in given.items() if value is not None}
    desk = setup.make(directory, values, *(None if file is None else disk.read(file) for file in (trust, params)))
    emit(output, desk.describe())


@app.command()
def serve(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Address to listen on. Beyond this machine: behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one; it is printed.")] = 8090,
) -> None:
    """Run the venue until SIGTERM. The first line of stdout is {"url": ...}; logs are JSON lines on stderr.

    Example: zkmargin-venue serve --dir venue --port 8090
    """
    desk = Desk.open(directory)
    serve_app(create_app(desk), host, port, trusted_proxies=desk.settings.trusted_proxies)


@app.command()
def attest(
    request: Annotated[Path, typer.Argument(help="An attestation request, signed by the owner.")],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="File for the attested state. It must not exist.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Attest the state of a request: check every commitment against the position file, and sign.

    Example: zkmargin-venue attest request.json --dir venue --out attestation.json
    """
    attested = Desk.open(directory).attest(disk.read(request))
    disk.write_new(out, attested.envelope.to_bytes())
    emit(
        output,
        {"file": str(out), "digest": attested.envelope.digest, "attested": "now" if attested.created else "before"},
    )


@app.command()
def key(directory: Directory, output: OutputOption = Output.TEXT) -> None:
    """The venue's name and public keys; with -o json, the file that zkmargin commit --venue-key reads.

    Example: zkmargin-venue key --dir venue -o json > venue.json
    """
    emit(output, Desk.open(directory).describe())


@app.command("rotate-key")
def rotate_key(
    which: Annotated[setup.Key, typer.Argument(help="The key to make anew.")],
    directory: Directory,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make a new attestation or sealing key; the old file stays beside it. Prints the new public key.

    A server that runs goes on with the old key until it is started again: first publish the trust document that names
    both attestation keys (docs/operations.md, "Rotation").

    Example: zkmargin-venue rotate-key attestation --dir venue
    """
    emit(output, setup.rotate(directory, which))


@trust_app.command("publish")
def publish_trust(file: Path, directory: Directory, output: OutputOption = Output.TEXT) -> None:
    """Go by this trust document from now on.

    Example: zkmargin-venue trust publish trust-2.signed.json --dir venue
    """
    emit(output, Desk.open(directory).publish_trust(disk.read(file)).to_value())


@params_app.command("publish")
def publish_params(file: Path, directory: Directory, output: OutputOption = Output.TEXT) -> None:
    """Attest under this version of the risk parameters too.

    Example: zkmargin-venue params publish params-2.signed.json --dir venue
    """
    emit(output, Desk.open(directory).publish_params(disk.read(file)).to_value())
