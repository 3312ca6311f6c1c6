"""``zkmargin-verifier chains``: registry, attestors and checkpoints of the chains that collateral is locked on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from zkmargin.errors import InputError

from .. import disk
from ..console import Output, OutputOption, emit
from ..service import Service
from . import operations

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Chains that collateral is locked on.")

Directory = Annotated[Path, typer.Option("--dir", help="Directory of the service.")]
DirectoryOrNone = Annotated[Path | None, typer.Option("--dir", help="Directory of the service: work on its database.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of a running service: work over HTTP.")]


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="A registry of chains in an envelope.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish the next version of the registry of chains and classes.

    Example: zkmargin-verifier chains publish chains.signed.json --url http://127.0.0.1:8080
    """
    emit(output, operations.at(directory, url).publish_registry(disk.read(file)))


@app.command("set")
def publish_set(
    file: Annotated[Path, typer.Argument(help="Attestors of a chain, signed and approved.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Publish the next attestors of a chain.

    Example: zkmargin-verifier chains set members-2.json --url http://127.0.0.1:8080
    """
    emit(output, operations.at(directory, url).publish_set(disk.read(file)))


@app.command()
def checkpoint(
    file: Annotated[Path, typer.Argument(help="A checkpoint with its signatures and leaves.")],
    late: Annotated[
        bool,
        typer.Option(
            help="It has expired, or has no leaves: nothing counts by it, but the next one can follow. With --dir."
        ),
    ] = False,
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take the next checkpoint of a chain, or a second one of an epoch, which freezes the chain.

    Example: zkmargin-verifier chains checkpoint checkpoint-8.json --url http://127.0.0.1:8080
    """
    emit(output, operations.at(directory, url).take_checkpoint(disk.read(file), late=late))


@app.command()
def lock(
    file: Annotated[Path, typer.Argument(help="Evidence of one lock.")],
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take evidence of one lock at the last checkpoint of its chain.

    Example: zkmargin-verifier chains lock lock.json --url http://127.0.0.1:8080
    """
    emit(output, operations.at(directory, url).take_lock(disk.read(file)))


@app.command("list")
def list_chains(directory: DirectoryOrNone = None, url: Url = None, output: OutputOption = Output.TEXT) -> None:
    """Every chain with its last checkpoint, and what a lot of every class may count at now.

    Example: zkmargin-verifier chains list --dir verifier
    """
    at = operations.at(directory, url)
    chains, classes = at.items("chains"), at.items("classes")
    if output is Output.JSON:
        emit(output, {"chains": chains, "classes": classes})
    else:
        emit(output, {str(c["chain"]): _chain(c) for c in chains} | {str(c["class"]): _class(c) for c in classes})


@app.command()
def seizing(
    tag: Annotated[str, typer.Argument(help="Tag of the lock.")],
    directory: Directory,
    output: OutputOption = Output.TEXT,
) -> None:
    """Count a lock no more, for ever, because the venue is about to seize it.

    To run before the seizure is sent, and before any state credits what it takes: until attestors see the seizure, the
    lock would count beside the credit.

    Example: zkmargin-verifier chains seizing 0x3a... --dir verifier
    """
    emit(output, Service.open(directory).collateral.seizing(tag))


@app.command()
def thaw(
    chain: Annotated[str, typer.Argument(help='CAIP-2 id, such as "eip155:1".')],
    directory: Directory,
    output: OutputOption = Output.TEXT,
) -> None:
    """Let a frozen chain count again, by attestors that came after those that signed two checkpoints of one epoch.

    Example: zkmargin-verifier chains thaw eip155:1 --dir verifier
    """
    emit(output, {"chain": chain, "was_frozen": Service.open(directory).collateral.thaw(chain), "frozen": False})


@app.command()
def collect(
    chains: Annotated[list[str], typer.Argument(metavar="CHAIN...", help='CAIP-2 ids, such as "eip155:1".')],
    member: Annotated[list[str], typer.Option(help="ID=URL of an attestor; give all of them.")],
    token: Annotated[list[str], typer.Option(help="ID=FILE: the collector.token of that attestor.")],
    every_s: Annotated[int | None, typer.Option(min=1, help="Again every so many seconds, until SIGTERM.")] = None,
    directory: DirectoryOrNone = None,
    url: Url = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Gather the next checkpoint of each chain from its attestors, and take it.

    With --every-s, one line a checkpoint on stdout, and on stderr the code of whatever stood in the way.

    Example: zkmargin-verifier chains collect eip155:1 --member ada=http://127.0.0.1:8101 --token ada=ada.token --dir v
    """
    # Here: the service needs none of it.
    from ..attestor.collector import RemoteAttestor
    from ..attestor.keys import read_token
    from . import collecting

    urls, files = _named(member, "--member"), _named(token, "--token")
    if urls.keys() != files.keys():
        raise InputError("give a --token for every --member, and no other", code="usage")
    attestors = {name: RemoteAttestor(urls[name], read_token(Path(files[name]))) for name in urls}
    at = operations.at(directory, url)
    if every_s is None:
        taken = [collecting.gather(at, chain, attestors) for chain in chains]
        emit(output, taken[0] if len(taken) == 1 else {"checkpoints": taken})
        return
    collecting.gather_forever(
        at,
        chains,
        attestors,
        every_s=every_s,
        taken=lambda line: print(json.dumps(line), flush=True),
        trouble=lambda chain, code: print(f"{chain}: {code}", file=sys.stderr, flush=True),
    )


def _named(entries: list[str], option: str) -> dict[str, str]:
    """NAME=VALUE each, every name once."""
    pairs = [entry.partition("=") for entry in entries]
    found = {name: value for name, _, value in pairs}
    if len(found) != len(pairs) or not all(found.values()) or "" in found:
        raise InputError(f"{option} is NAME=VALUE, every name once", code="usage")
    return found


def _chain(chain: dict[str, Any]) -> str:
    if chain["epoch"] is None:
        return "no checkpoint yet"
    state = "FROZEN, " if chain["frozen"] else ""
    return f"{state}epoch {chain['epoch']}, block of {chain['block_time']}, counts until {chain['expiry']}"


def _class(entry: dict[str, Any]) -> str:
    state = "off its peg, " if entry["off_peg"] else ""
    return f"{state}{entry['allowed_atto_per_lot']} atto a lot, {entry['locks']} locks on {entry['chain']}"
