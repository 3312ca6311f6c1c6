"""zkmargin collateral: lock, pledge, list, release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from zkmargin import canonical
from zkmargin.collateral import ChainEntry, Pledge
from zkmargin.errors import InputError, VerificationError, ZkMarginError

from .. import files, public
from ..client import Verifier
from ..collateral import evm, locks, services
from ..collateral.locks import Lock
from ..console import Output, OutputOption, emit, note, progress, table
from ..errors import EXIT_CANNOT_SAY, EXIT_NEGATIVE, Refused, Unavailable, WalletError
from ..passwords import read_password
from ..wallet import Wallet
from .options import (
    PasswordFile,
    RequiredVerifierUrl,
    TrustFile,
    VerifierUrl,
    WalletFile,
    locked_wallet,
    open_wallet,
    optional_verifier,
)

app = typer.Typer(
    name="collateral",
    help="Assets locked on other chains that back this account.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FEW = 10
"""Below so many locks of a class, one of them is hardly hidden among them."""

MAX_TERM_S = 2 * 365 * 86400
"""So that a slip of the keyboard locks nothing away for ever."""

Rpc = Annotated[str, typer.Option("--rpc", metavar="URL", help="A node of the chain, by JSON-RPC.")]
KeyFile = Annotated[
    Path,
    typer.Option("--key-file", metavar="FILE", help="Key of the owner's address: 64 hex digits or a keystore."),
]
KeyPasswordFile = Annotated[
    Path | None, typer.Option("--key-password-file", metavar="FILE", help="Password of the keystore in --key-file.")
]
MaxFee = Annotated[
    str, typer.Option("--max-fee", metavar="COINS", help="What one transaction may cost, in coins of the chain.")
]
Number = Annotated[int, typer.Argument(metavar="LOCK", min=1, help="Number of the lock, as list shows it.")]


@app.command("lock")
def lock_(
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="Class of the registry, such as eth-mainnet.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, in units of the asset.")],
    verifier: RequiredVerifierUrl,
    rpc: Annotated[str | None, typer.Option("--rpc", metavar="URL", help="A node of the chain, by JSON-RPC.")] = None,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="Key of the owner's address: 64 hex digits or a keystore."),
    ] = None,
    key_password_file: KeyPasswordFile = None,
    max_fee: MaxFee = "0.05",
    term_s: Annotated[
        int, typer.Option("--term-s", min=0, max=MAX_TERM_S, help="Seconds before which nobody can release it.")
    ] = 0,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="HEX", help="Send nothing: make a note for this owner, and show it."),
    ] = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    trust: TrustFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Lock assets in the venue's vault on another chain, under a note that hides which account they back.

    What the wallet needs to pledge and to release is stored before the transaction leaves. Nobody can tell from the
    chain which account the lock backs; owner, asset and amount are public there. Use an address that is used for
    nothing else, and an amount that others lock too.

    \b
    Examples:
      zkmargin collateral lock eth-mainnet 10 --rpc http://127.0.0.1:8545 --key-file owner.key \\
          --verifier https://verifier.example --trust trust.json
    For a chain that this program sends nothing to, or an owner whose key is elsewhere:
      zkmargin collateral lock sol-mainnet 100 --owner 0x5f... --verifier https://verifier.example --trust trust.json
    """
    if (owner is None) == (rpc is None or key_file is None):
        raise InputError("name --rpc and --key-file to send the lock, or --owner to make a note alone", code="usage")
    if trust is None:
        raise InputError(
            "coins go where the registry says: name the trust document that must have signed it with --trust",
            code="usage",
        )
    with Verifier(verifier) as service:
        registry = services.registry(service, public.load_trust(trust)).document
        with locked_wallet(wallet, password_file) as opened:
            entry = registry.class_of(class_name)
            base_units = _base_units(amount, entry.decimals)
            chain = registry.chain_of(entry.chain)
            client = None
            if owner is None and rpc is not None and key_file is not None:
                client = open_vault(opened, chain, rpc, _key(key_file, key_password_file), max_fee)
                if client.delay_s != chain.delay_s:
                    raise InputError("the vault's delay is not the registry's", code="wrong_vault")
            address = client.owner if client is not None else _owner(owner or "", chain)
            made = locks.new(opened, registry, class_name, address, base_units)
            note_ = locks.note(opened, made)
            # The verifier is not asked whether it knows the tag already, as it would if this were an older copy of the
            # wallet: a question about a tag just before a lock appears on the chain says whose lock that is.
            _advise(opened, made, amount)
            opened.remember(made)
    value = {"lock": made.number, "class": class_name, "note": canonical.to_hex(note_.digest)}
    if client is not None:
        with progress("the chain takes the lock"), _naming(made.number):
            asset = canonical.from_hex(made.asset)[12:]
            value["transaction"] = client.lock(asset, base_units, note_.digest, evm.term_ends(term_s))
    done = "locked" if client is not None else "lock it yourself under the note"
    emit(output, value, lambda: print(f"lock {made.number} of {class_name}: {done} {value['note']}"))


@app.command()
def pledge(
    number: Number,
    verifier: RequiredVerifierUrl,
    attestor: Annotated[
        list[str], typer.Option("--attestor", metavar="URL", help="Address of an attestor; repeat for each.")
    ],
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    trust: TrustFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tell the attestors, and nobody else, which account a lock backs, so that it counts.

    Each learns which lock backs which account. They are asked one after the other; run it again for those that did not
    answer. The lock counts once enough of them have signed it into a checkpoint. Exit code 0: all have taken it.
    1: one refused. 3: one did not answer.

    \b
    Examples:
      zkmargin collateral pledge 1 --attestor https://a.example --attestor https://b.example \\
          --verifier https://verifier.example
    """
    with locked_wallet(wallet, password_file) as opened:
        lock = opened.require_lock(number)
        with Verifier(verifier) as service:
            registry = services.registry(service, public.load_trust(trust)).document
        registry.class_of(lock.class_)
        document = Pledge.of(locks.note(opened, lock), locks.opening(opened, lock))
        answers = []
        for url in attestor:
            with services.Attestor(url) as member, progress(f"asking {url}"):
                if not member.confidential:
                    raise InputError("a pledge is a secret: it is not sent over plain http", code="insecure")
                answers.append({"attestor": url} | _asked(member, document))
                if not answers[-1]["exit"]:
                    opened.pledged(number)
    value = {"lock": number, "attestors": answers}
    emit(
        output,
        value,
        lambda: table("", ("attestor", "answer"), [(answer["attestor"], answer["answer"]) for answer in answers]),
    )
    worst = max(answer["exit"] for answer in answers)
    if worst:
        raise typer.Exit(worst)


@app.command("list")
def list_(
    verifier: VerifierUrl = None,
    rpc: Annotated[
        list[str] | None,
        typer.Option("--rpc", metavar="CHAIN=URL", help="A node of a chain, to count the locks there; repeat."),
    ] = None,
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """The locks of this wallet: what the verifier and the chain say of each, and how many locks it hides among.

    The anonymity set of a lock is the locks of its class that count, or with --rpc those that are Active on the chain.
    One lock of a class is no secret: class and amount are public. The verifier is asked about locks that were pledged
    from this wallet alone: a question about another would tell it whose lock that is.

    \b
    Examples:
      zkmargin collateral list --verifier https://verifier.example
      zkmargin collateral list --verifier https://verifier.example --rpc eip155:1=http://127.0.0.1:8545 -o json
    """
    opened = open_wallet(wallet, password_file)
    nodes = dict(_node(text) for text in rpc or ())
    with optional_verifier(verifier) as service:
        hiding = None if service is None else services.classes(service)
        rows = [_row(opened, lock, service, hiding or {}, nodes) for lock in opened.content.collateral]
    emit(output, {"locks": rows}, lambda: _tell(rows))
    for row in rows:
        if row["anonymity_set"] is not None and row["anonymity_set"] < FEW:
            note(
                f"lock {row['lock']} hides among {row['anonymity_set']} of {row['class']}:"
                " whoever sees the chain may guess which account it backs"
            )


@app.command()
def release(
    number: Number,
    rpc: Rpc,
    key_file: KeyFile,
    key_password_file: KeyPasswordFile = None,
    max_fee: MaxFee = "0.05",
    wallet: WalletFile = None,
    password_file: PasswordFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take the next step to get a lock back: ask for its release, or, once the delay is over, take the coins.

    From the request on no attestor renews its evidence: proofs that count the lock end before the coins can move.

    \b
    Examples:
      zkmargin collateral release 1 --rpc http://127.0.0.1:8545 --key-file owner.key
    """
    opened = open_wallet(wallet, password_file)
    lock = opened.require_lock(number)
    client = open_vault(opened, lock, rpc, _key(key_file, key_password_file), max_fee)
    digest = locks.note(opened, lock).digest
    owner = canonical.from_hex(lock.owner)[12:]
    found = client.find(owner, digest)
    value: dict[str, Any] = {"lock": number}
    if found.status is evm.Status.ACTIVE:
        with progress("the chain takes the request"), _naming(number):
            value["transaction"] = client.request_release(digest)
        found = client.find(owner, digest)
        value |= {"step": "requested", "release_at": _time(found.release_unix_s)}
    elif found.amount and found.status in (evm.Status.RELEASE_REQUESTED, evm.Status.SEIZED):
        if client.now_unix_s() < found.release_unix_s:
            when = _time(found.release_unix_s)
            raise WalletError(f"the release was asked for; the coins can be taken from {when} on", code="too_early")
        with progress("the chain pays the coins out"), _naming(number):
            value["transaction"] = client.release(digest)
        value |= {"step": "released", "release_at": _time(found.release_unix_s)}
    else:
        raise WalletError("the vault holds nothing of this lock", code="nothing_held")
    emit(output, value, lambda: print(f"lock {number}: {value['step']}, coins free from {value['release_at']}"))


def _owner(text: str, chain: ChainEntry) -> bytes:
    """The 32 bytes of an owner on this chain. Raises: InputError "bad_owner"."""
    try:
        owner = canonical.from_hex(text, 32)
    except InputError:
        owner = bytes(32)
    if not any(owner) or (chain.kind == "evm" and any(owner[:12])):
        raise InputError(
            "--owner is 0x and 64 lower-case hex digits, not all zero; an address of 20 bytes has 24 zeros before it",
            code="bad_owner",
        )
    return owner


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """What goes wrong with a transaction names the lock, so that nobody takes it for not made and locks twice."""
    try:
        yield
    except (Refused, Unavailable) as error:
        kind = Refused if isinstance(error, VerificationError) else Unavailable
        raise kind(f"lock {number}: {error}", code=error.code) from None


def _time(unix_s: int) -> str:
    """A time of the chain for people: what a node answers must not fail a step that was sent."""
    try:
        return canonical.format_time(unix_s)
    except InputError:
        return "after the year 9999"


def _base_units(text: str, decimals: int) -> int:
    units: int = 10**decimals
    scaled = canonical.parse_decimal(text) * units
    if scaled <= 0 or scaled.denominator != 1:
        raise InputError(
            f"the amount is a decimal above zero, with at most {decimals} decimals, such as 1.5", code="bad_amount"
        )
    return scaled.numerator


def _key(path: Path, password_file: Path | None) -> Any:
    password = None if password_file is None else read_password(password_file)
    return evm.owner_key(files.read(path, limit=1 << 16), password)


def open_vault(
    wallet: Wallet, of: Lock | ChainEntry, rpc: str, key: Any = None, max_fee: str = "0.05"
) -> evm.VaultClient:
    """The vault of a chain or a lock, through a node; ``max_fee`` in coins.

    Raises: InputError "no_evm", "bad_amount", and as ``evm.VaultClient``.
    """
    if not of.chain.startswith("eip155:"):
        raise InputError(
            f"{of.chain} is no EVM chain: make a note with --owner, and use that chain's own tools", code="no_evm"
        )
    return evm.VaultClient(
        rpc,
        canonical.from_hex(of.vault)[12:],
        chain_id=int(of.chain.partition(":")[2]),
        genesis=canonical.from_hex(of.genesis),
        venue=wallet.content.venue,
        key=key,
        max_fee_wei=_base_units(max_fee, 18),
    )


def _advise(wallet: Wallet, lock: Lock, amount: str) -> None:
    if any(other.owner == lock.owner for other in wallet.content.collateral):
        note("this owner's address has locked before: whoever links one of its locks links them all")
    if len(amount.replace(".", "").strip("0")) > 1:
        note("few others will lock just this amount: a round one hides better")


def _asked(member: services.Attestor, document: Pledge) -> dict[str, Any]:
    try:
        return {"answer": member.pledge(document).state, "exit": 0}
    except Unavailable as error:
        return {"answer": error.code, "exit": EXIT_CANNOT_SAY}
    except ZkMarginError as error:
        return {"answer": error.code, "exit": EXIT_NEGATIVE}


def _node(text: str) -> tuple[str, str]:
    chain, separator, url = text.partition("=")
    if not separator:
        raise InputError("--rpc is CHAIN=URL, such as eip155:1=http://127.0.0.1:8545", code="usage")
    return chain, url


def _row(
    wallet: Wallet,
    lock: Lock,
    service: Verifier | None,
    classes: Mapping[str, services.ClassAnswer],
    nodes: dict[str, str],
) -> dict[str, Any]:
    digest = locks.note(wallet, lock)
    row: dict[str, Any] = {
        "lock": lock.number,
        "class": lock.class_,
        "chain": lock.chain,
        "amount_base_units": lock.amount,
        "tag": canonical.to_hex(digest.tag),
        "note": canonical.to_hex(digest.digest),
        "pledged": lock.pledged,
        "verifier": None,
        "evidence_until": None,
        "vault": None,
        "anonymity_set": None,
    }
    if lock.class_ in classes:
        row["anonymity_set"] = classes[lock.class_].locks
    if service is not None and lock.pledged:
        known = services.lock(service, digest.tag)
        row["verifier"] = "unknown" if known is None else "frozen" if known.frozen else known.state
        row["evidence_until"] = None if known is None else known.expiry
    if lock.chain in nodes:
        vault = open_vault(wallet, lock, nodes[lock.chain])
        row["vault"] = vault.find(canonical.from_hex(lock.owner)[12:], digest.digest).status.name.lower()
        row["anonymity_set"] = len(vault.active(canonical.from_hex(lock.asset)[12:]))
    return row


def _tell(rows: list[dict[str, Any]]) -> None:
    seen = ("pledged", "verifier", "evidence_until", "vault", "anonymity_set")
    columns = ("lock", "class", "chain", "amount_base_units", *seen)
    table("", columns, [["-" if row[name] is None else str(row[name]) for name in columns] for row in rows], right={3})
