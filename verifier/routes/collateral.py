"""Collateral on other chains: the registry, attestors, checkpoints and locks; what a lot may count at now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from verifier import answers
from verifier.bodies import raw_body
from verifier.collateral import registry
from verifier.publication import Published
from verifier.replies import reply, tagged
from zkmargin.canonical import MAX_INTEGER
from zkmargin.collateral import Chains, CollateralLock, SignedCheckpoint, SignedMemberSet
from zkmargin.documents import Document

from .common import ENVELOPE, TheService, takes

router = APIRouter(prefix="/v1/collateral")
RegistryBody = Annotated[bytes, Depends(raw_body(Chains.media_type()))]
SetBody = Annotated[bytes, Depends(raw_body(SignedMemberSet.media_type()))]
CheckpointBody = Annotated[bytes, Depends(raw_body(SignedCheckpoint.media_type()))]
LockBody = Annotated[bytes, Depends(raw_body(CollateralLock.media_type()))]
ChainId = Annotated[str, Path(description="CAIP-2 id of the chain", pattern=r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$")]
Tag = Annotated[str, Path(description="Tag of the lock", pattern=r"^0x[0-9a-f]{64}$")]
Epoch = Annotated[int, Path(description="Epoch of the checkpoint", ge=1, le=MAX_INTEGER)]


def _described(kind: type[Document]) -> dict[str, str]:
    return {"type": "object", "description": f"{kind.SCHEMA} of docs/collateral.md"}


def _published(published: Published) -> Response:
    return reply(published.to_value(), 201 if published.created else 200)


@router.get("/registry", response_model=answers.SignedDocument, operation_id="registry")
def current_registry(request: Request, service: TheService) -> Response:
    """The current registry of chains and classes."""
    with service.store.reading() as session:
        row = registry.current_row(session)
        return tagged(request, row.envelope, row.digest, immutable=False)


@router.post(
    "/registry",
    response_model=answers.Publication,
    status_code=201,
    responses={200: {"model": answers.Publication, "description": "It was published already"}},
    operation_id="publish_registry",
    openapi_extra=takes(Chains.media_type(), ENVELOPE),
)
def publish_registry(body: RegistryBody, service: TheService) -> Response:
    """Publish the next version of the registry, signed by a parameter key."""
    return _published(service.collateral.publish_registry(body))


@router.post(
    "/sets",
    response_model=answers.Publication,
    status_code=201,
    responses={200: {"model": answers.Publication, "description": "It was published already"}},
    operation_id="publish_set",
    openapi_extra=takes(SignedMemberSet.media_type(), _described(SignedMemberSet)),
)
def publish_set(body: SetBody, service: TheService) -> Response:
    """Publish the next attestors of a chain, signed by a parameter key and approved by a quorum of those before."""
    return _published(service.collateral.publish_set(body))


@router.post(
    "/checkpoints",
    response_model=answers.CheckpointTaken,
    status_code=201,
    responses={200: {"model": answers.CheckpointTaken, "description": "It was taken already"}},
    operation_id="take_checkpoint",
    openapi_extra=takes(SignedCheckpoint.media_type(), _described(SignedCheckpoint)),
)
def take_checkpoint(body: CheckpointBody, service: TheService) -> Response:
    """The next checkpoint of a chain, signed by a quorum of its attestors; or a second one of an epoch, which is
    evidence against them and freezes the chain."""
    taken = service.collateral.take_checkpoint(body)
    return reply(taken.to_value(), 201 if taken.created else 200)


@router.post(
    "/locks",
    response_model=answers.CollateralLockState,
    status_code=201,
    responses={200: {"model": answers.CollateralLockState, "description": "It is known by this checkpoint already"}},
    operation_id="take_lock",
    openapi_extra=takes(CollateralLock.media_type(), _described(CollateralLock)),
)
def take_lock(body: LockBody, service: TheService) -> Response:
    """Evidence of one lock at the last checkpoint of its chain."""
    registered = service.collateral.take_lock(body)
    return reply(registered.value, 201 if registered.created else 200)


@router.get("/chains", response_model=answers.ChainList, operation_id="chains")
def chains(service: TheService) -> Response:
    """Every chain of the registry, with its last checkpoint."""
    return reply({"items": service.collateral.chains()})


@router.get("/chains/{chain}/sets", response_model=answers.MemberSetList, operation_id="member_sets")
def member_sets(chain: ChainId, service: TheService) -> Response:
    """The attestors of a chain, the newest version first, each with the approvals of those before."""
    return reply({"items": service.collateral.sets(chain)})


@router.get(
    "/chains/{chain}/checkpoints/{epoch}", response_model=answers.CheckpointList, operation_id="checkpoints_of_epoch"
)
def checkpoints_of(chain: ChainId, epoch: Epoch, service: TheService) -> Response:
    """The checkpoint of an epoch with its signatures, without leaves. Two of them are why the chain was frozen."""
    return reply({"items": service.collateral.checkpoints(chain, epoch)})


@router.get("/classes", response_model=answers.ClassList, operation_id="classes")
def classes(service: TheService) -> Response:
    """Every class of the registry: what a lot of it may count at now, and how many locks count."""
    return reply({"items": service.collateral.classes()})


@router.get("/locks/{tag}", response_model=answers.CollateralLockState, operation_id="lock")
def lock(tag: Tag, service: TheService) -> Response:
    """What is known of a lock, to whoever knows its tag; not which account it backs."""
    return reply(service.collateral.lock(tag))


@router.get(
    "/locks/{tag}/evidence", response_model=CollateralLock, response_model_exclude_none=True, operation_id="evidence"
)
def evidence(tag: Tag, service: TheService) -> Response:
    """Evidence of a lock at the last checkpoint of its chain, for whoever knows its tag: with the signed registry and
    the signed attestors it needs no trust in this service."""
    return reply(service.collateral.evidence(tag).to_value())
