"""The documents that parties exchange, one file a kind. Source: docs/formats.md."""

from .account import Account, Holding, Position
from .attestation_request import AttestationRequest
from .base import Document, Part
from .oracle import Funding, Oracle, Price, Round, reporter
from .params import MarketParams, OptionRequirements, Params
from .policy import Policy
from .portfolios import Discount, Portfolio
from .receipt import Receipt, verify_receipt
from .risk_arrays import Commodity, RiskArray
from .signed import Signed, read
from .state import (
    CASH_LABEL,
    CASH_UNIT,
    NO_STATE,
    LabelledCommitment,
    LabelledOpening,
    Openings,
    State,
    account_id,
    collateral_label,
    debt_label,
    margin_label,
    position_label,
    verify_attestation,
)
from .trust import Trust

__all__ = [
    "CASH_LABEL",
    "CASH_UNIT",
    "NO_STATE",
    "Account",
    "AttestationRequest",
    "Commodity",
    "Discount",
    "Document",
    "Funding",
    "Holding",
    "LabelledCommitment",
    "LabelledOpening",
    "MarketParams",
    "Openings",
    "OptionRequirements",
    "Oracle",
    "Params",
    "Part",
    "Policy",
    "Portfolio",
    "Position",
    "Price",
    "Receipt",
    "RiskArray",
    "Round",
    "Signed",
    "State",
    "Trust",
    "account_id",
    "collateral_label",
    "debt_label",
    "margin_label",
    "position_label",
    "read",
    "reporter",
    "verify_attestation",
    "verify_receipt",
]
