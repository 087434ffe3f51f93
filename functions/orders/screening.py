"""Screening: rules that hold an order before it is sold. The rules are data, in `screening_rules.json`, with a version.

A rule sees what the order's own events say, which has no personal data in the clear, and how often its customer ordered.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kernel.clock import rfc3339
from kernel.currency import ISO_4217
from kernel.ids import derived_id
from orders.events import HoldType, Resolution, RuleReference
from orders.holds import NewHold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orders.state import Order

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Amounts = Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(min_length=1)]
"""Minor units by ISO 4217 code."""


class _Rule(BaseModel):
    """What every rule has: an id that stays, the hold that it places and why, and how that hold ends where nobody decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    hold: HoldType
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    expires_after_hours: Annotated[int, Field(ge=1, le=24 * 90)] | None = None
    on_expiry: Resolution | None = None

    @model_validator(mode="after")
    def _expiry_has_an_outcome(self) -> Self:
        if (self.expires_after_hours is None) != (self.on_expiry is None):
            raise ValueError("expires_after_hours and on_expiry come together")
        return self


def _known_currencies(amounts: Mapping[str, int]) -> None:
    if unknown := sorted(set(amounts) - ISO_4217):
        raise ValueError(f"not ISO 4217 codes: {', '.join(unknown)}")


class AmountRule(_Rule):
    """Holds what is worth more than the limit of its currency. A currency without a limit is not held."""

    kind: Literal["amount"]
    limits: Amounts

    @model_validator(mode="after")
    def _currencies(self) -> Self:
        _known_currencies(self.limits)
        return self


class VelocityRule(_Rule):
    """Holds what a customer orders beyond so many orders in one window; windows follow each other and do not slide."""

    kind: Literal["velocity"]
    orders: Annotated[int, Field(ge=1)]
    window_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 7)]

    @property
    def window(self) -> timedelta:
        """How long a window is."""
        return timedelta(minutes=self.window_minutes)


class AddressMismatchRule(_Rule):
    """Holds what is shipped to another country than the customer's phone number is from, from an amount on."""

    kind: Literal["address_mismatch"]
    from_amounts: Amounts

    @model_validator(mode="after")
    def _currencies(self) -> Self:
        _known_currencies(self.from_amounts)
        return self


class BlockedDestinationRule(_Rule):
    """Holds what goes to one of these countries."""

    kind: Literal["blocked_destination"]
    countries: frozenset[Country]


Rule = Annotated[AmountRule | VelocityRule | AddressMismatchRule | BlockedDestinationRule, Field(discriminator="kind")]


class RuleSet(BaseModel):
    """All rules. A change of any of them takes a new version, which every hold keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)]
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        if len({rule.id for rule in self.rules}) < len(self.rules):
            raise ValueError("two rules have one id")
        return self

    @property
    def velocity(self) -> tuple[VelocityRule, ...]:
        """The rules that need to know how often the customer ordered."""
        return tuple(rule for rule in self.rules if isinstance(rule, VelocityRule))


def is_done(order: Order) -> bool:
    """Whether screening has held the order already: what people then decide is not asked of them again.

    An edit that asks for more money or names another recipient is a new question, unless they decided with it in view.
    """
    since = order.worsened_at
    return any(
        hold.rule is not None and (since is None or hold.resolved is None or hold.resolved.at >= since)
        for hold in order.holds.values()
    )


def findings(order: Order, rules: RuleSet, ordered: Mapping[str, int], now: datetime) -> list[NewHold]:
    """The holds that the rules place; `ordered` is how many orders a velocity rule's window has, this one included."""
    return [_hold(order, rule, rules.version, now) for rule in rules.rules if _catches(rule, order, ordered)]


def _catches(rule: Rule, order: Order, ordered: Mapping[str, int]) -> bool:
    customer, destination = order.received.customer, order.destination
    match rule:
        case AmountRule():
            limit = rule.limits.get(order.currency)
            return limit is not None and order.grand_total.amount > limit
        case VelocityRule():
            return ordered.get(rule.id, 0) > rule.orders
        case AddressMismatchRule():
            floor, home = rule.from_amounts.get(order.currency), customer.phone_country
            elsewhere = home is not None and home != destination.ship_to.country and destination.delivery.method == "ship"
            return elsewhere and floor is not None and order.grand_total.amount >= floor
        case BlockedDestinationRule():
            return destination.ship_to.country in rule.countries


def _hold(order: Order, rule: Rule, version: int, now: datetime) -> NewHold:
    asked_again = [rfc3339(order.worsened_at)] if order.worsened_at else []
    return NewHold(
        hold_id=derived_id("hld", order.id, "screening", rule.id, *asked_again),
        type=rule.hold,
        reason=rule.reason,
        expires_at=now + timedelta(hours=rule.expires_after_hours) if rule.expires_after_hours else None,
        on_expiry=rule.on_expiry,
        rule=RuleReference(id=rule.id, version=version),
    )
