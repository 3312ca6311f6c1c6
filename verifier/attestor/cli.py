"""``zkmargin-attestor``: set an attestor up, run it, enter it into sets, approve sets, hand out an opening.

Exit codes: 0 done, 1 refused, 2 usage or bad input, 3 cannot say (disk, database or a node failed).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from verifier import disk
from verifier.console import Commands, Output, OutputOption, emit
from verifier.errors import Unavailable
from verifier.serving import serve as serve_app

from . import pledges, setup
from .app import create_app
from .desk import Desk
from .settings import TOKEN_FILE

app = typer.Typer(
    name="zkmargin-attestor",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # their tracebacks print values
    help=__doc__,
)

Directory = Annotated[Path, typer.Option("--dir", help="Directory of the attestor.")]
_WRONG_CHAIN = ("wrong_chain", "wrong_genesis", "wrong_code")


@app.command()
def init(
    directory: Directory,
    venue: Annotated[str | None, typer.Option(help="The name of the venue.")] = None,
    member: Annotated[str | None, typer.Option(help="The name of this member in the sets of attestors.")] = None,
    node: Annotated[
        list[str] | None, typer.Option(help="A chain and this member's node of it: eip155:1=http://127.0.0.1:8545")
    ] = None,
    poll_s: Annotated[int | None, typer.Option(min=1, help="See config.toml.")] = None,
    trust: Annotated[Path | None, typer.Option(help="The trust document, signed by its root.")] = None,
    registry: Annotated[Path | None, typer.Option(help="The registry of chains, signed by a parameter key.")] = None,
    members: Annotated[
        list[Path] | None,
        typer.Option("--set", help="A set of attestors, signed by a parameter key; with approvals after the first."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make an attestor: keys, token, database and config.toml; or give documents to one that is there.

    The set of attestors names the keys that this command makes: run it first without --set, enter what "keys" prints
    into the set, and run it again with the set.

    Example: zkmargin-attestor init --dir a --venue demo --member a --node eip155:1=http://127.0.0.1:8545
    """
    given: dict[str, Any] = {
        "venue": venue,
        "member": member,
        "nodes": None if node is None else tuple(node),
        "poll_s": poll_s,
    }
    values = {name: value for name, value in given.items() if value is not None}
    desk = setup.make(
        directory,
        values,
        trust=None if trust is None else disk.read(trust),
        registry=None if registry is None else disk.read(registry),
        sets=[disk.read(file) for file in members or ()],
    )
    emit(output, desk.describe() | {"token_file": str(directory / TOKEN_FILE)})


@app.command()
def run(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Address to listen on. Beyond this machine: behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one; it is printed.")] = 8100,
) -> None:
    """Follow the chains and answer, until SIGTERM. The first line of stdout is {"url": ...}; logs are JSON lines on
    stderr.

    A node of another chain, or without the vault, stops it at once. One that is down does not: nothing is signed of
    its chain until it is back.

    Example: zkmargin-attestor run --dir a --port 8100
    """
    desk = Desk.open(directory)
    for chain, code in desk.check_chains().items():
        if code in _WRONG_CHAIN:
            raise Unavailable(f"{chain}: the node's chain or vault is not the registry's", code=code)
    serve_app(create_app(desk), host, port, trusted_proxies=desk.settings.trusted_proxies)


@app.command()
def keys(
    directory: Directory,
    chain: Annotated[str | None, typer.Option(help="A chain, such as eip155:1: print the entry for its set.")] = None,
    genesis: Annotated[
        str | None, typer.Option(help="The hash of its genesis block; not needed once the registry is there.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The member's name and public keys; with --chain, its entry in a set of attestors, with proofs of possession.

    Example: zkmargin-attestor keys --dir a --chain eip155:1 -o json
    """
    desk = Desk.open(directory)
    emit(output, desk.describe() if chain is None else desk.entry(chain, genesis).to_value())


@app.command("sign-set")
def sign_set(
    file: Annotated[Path, typer.Argument(help="The next set of attestors, signed by a parameter key.")],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="File for the set with this approval added. It must not exist.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Approve the set of attestors that follows the present one. One after the other, until enough have.

    Example: zkmargin-attestor sign-set set-2.json --dir a --out set-2.a.json
    """
    approved = Desk.open(directory).approve_set(disk.read(file))
    disk.write_new(out, approved.to_bytes())
    emit(
        output,
        {
            "file": str(out),
            "version": approved.document.version,
            "digest": approved.document.digest,
            "approved_by": [approval.signer for approval in approved.approvals],
        },
    )


@app.command()
def opening(
    tag: Annotated[str, typer.Argument(help="The tag of a pledge.")],
    directory: Directory,
    out: Annotated[Path, typer.Option(help="File for the opening, mode 0600. It must not exist.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Write the opening of a pledge to a file: with it and its key, the venue can seize the lock.

    It tells which account the lock backs: give it to the venue alone, and only when the account is to be liquidated.

    Example: zkmargin-attestor opening 0x3a... --dir a --out opening.json
    """
    pledge = pledges.opening(Desk.open(directory), tag)
    disk.write_new(out, pledge.to_bytes() + b"\n", mode=disk.PRIVATE)
    emit(output, {"file": str(out), "tag": tag})
