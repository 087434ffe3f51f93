"""Acknowledged findings of cdk-nag, each with its reason, beside the construct that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding on this construct and what is under it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
