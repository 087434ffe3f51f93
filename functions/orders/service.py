"""The use cases of orders: load, decide, commit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from edge.aggregates import Aggregates, Command, Done, key_reused
from edge.claims import Claim
from edge.event_store import VersionTaken
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import Conflict
from kernel.ids import derived_id, new_id
from orders import domain, exchange, holds, masking, screening
from orders import events as ev
from orders.commands import PlaceOrder, clear_fields
from orders.holds import NewHold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from kernel.clock import Clock
    from kernel.contracts import EventData
    from orders.commands import CustomerIn, PlaceHold, ShipToIn
    from orders.domain import Order
    from orders.screening import RuleSet


class KeyClaims(Protocol):
    """Claims on idempotency keys."""

    def claim(self, caller: str, operation: str, key: str, claim: Claim, now_s: int) -> Claim:
        """The claim that holds."""
        ...


class Counters(Protocol):
    """How often customers order."""

    def count(self, rule_id: str, customer_id: str, order_id: str, at: datetime, window: timedelta) -> int:
        """Count an order into its customer's window; answers how many there are."""
        ...


class Seal(Protocol):
    """A field cipher of one purpose."""

    def seal(self, clear: str, subject: str) -> str:
        """The ciphertext of a value that belongs to a subject."""
        ...


class Entries(Protocol):
    """The vault's entries."""

    def put(self, subject: str, entry: str, ciphertexts: dict[str, str]) -> None:
        """Keep an entry."""
        ...

    def remove(self, subject: str, entry: str) -> None:
        """Forget an entry."""
        ...


class PersonalData:
    """Seals an order's personal data, each field for the purpose that may open it."""

    def __init__(self, vault: Entries, contact: Seal, last4: Seal) -> None:
        self._vault = vault
        self._contact = contact
        self._last4 = last4

    def keep(self, order_id: str, entry: str, ship_to: ShipToIn, customer: CustomerIn | None = None) -> None:
        """Seal and keep: contact for those who talk to the customer, the last four digits for those who hand over."""
        clear = clear_fields(ship_to, customer)
        sealed = {f"{name}:contact": self._contact.seal(value, order_id) for name, value in clear.items()}
        if ship_to.phone:
            sealed["ship_to.phone:last4"] = self._last4.seal(ship_to.phone[-4:], order_id)
        self._vault.put(order_id, entry, sealed)

    def forget(self, order_id: str, entry: str) -> None:
        """Remove an entry that no order refers to."""
        self._vault.remove(order_id, entry)


class Orders:
    """Everything that can be asked of orders."""

    def __init__(self, aggregates: Aggregates[Order], clock: Clock) -> None:
        self._aggregates = aggregates
        self._clock = clock

    def place(self, order: PlaceOrder, command: Command, caller: str, claims: KeyClaims, personal: PersonalData) -> Done[Order]:
        """Make a channel's order a fact, once per idempotency key and once per channel and external id.

        The order's id is derived from channel and external id, so the conditional commit itself keeps them unique; the
        key's claim comes first and leads any retry, after a crash between any two writes too, to the same order.
        Raises Invalid (key reused with another body), Conflict (`duplicate_external_id`, with the first order's id).
        """
        assert command.key is not None  # the API asks for it
        assert command.fingerprint is not None
        order_id = derived_id("ord", order.channel, order.external_id)
        now_s = int(self._clock.now().timestamp())
        held = claims.claim(caller, "place-order", command.key, Claim(order_id, command.fingerprint), now_s)
        if held.fingerprint != command.fingerprint or held.resource != order_id:
            raise key_reused()
        entry = command.fingerprint
        personal.keep(order_id, entry, order.ship_to, order.customer)
        try:
            return self._aggregates.create(order_id, command, [_received(order, entry)])
        except VersionTaken:
            return self._first_answer(order_id, command, lambda: personal.forget(order_id, entry))

    def _first_answer(self, order_id: str, command: Command, forget: Callable[[], None]) -> Done[Order]:
        first = self._aggregates.load(order_id).commits[0]
        if first.fingerprint != command.fingerprint:
            forget()
        if first.key != command.key or first.fingerprint != command.fingerprint:
            raise Conflict("duplicate_external_id", "The channel already placed an order with this external_id.", order_id=order_id)
        state = self._aggregates.fold([first])
        assert state is not None  # a commit has at least one event
        return Done(order_id, state, first.version, first.events, replayed=True)

    def place_exchange(self, order_id: str, return_id: str, command: Command) -> str:
        """Place the order of a return's exchange; answers its id. Placing it again finds it placed. Raises NotFound, Conflict."""
        order = self._aggregates.load(order_id).state
        placed = exchange.exchange_order_id(order, return_id)
        received = exchange.exchange(order, return_id, rfc3339(self._clock.now()))
        with contextlib.suppress(VersionTaken):
            self._aggregates.create(placed, command, [received])
        return placed

    def load(self, order_id: str) -> Done[Order]:
        """The order as it is. Raises NotFound."""
        loaded = self._aggregates.load(order_id)
        return Done(order_id, loaded.state, loaded.version, ())

    def decide(self, order_id: str, command: Command, decision: Callable[[Order], Sequence[EventData]]) -> Done[Order]:
        """Let one of the domain's decisions answer a command. Raises what `Aggregates.execute` raises."""
        return self._aggregates.execute(order_id, command, decision)

    def cancel(self, order_id: str, command: Command, reason: str, lines: Sequence[ev.LineQuantity] | None = None) -> Done[Order]:
        """Cancel the order or, with `lines`, so much of it; what was handed over is undone by the saga that this starts."""
        return self.decide(order_id, command, lambda order: domain.request_cancel(order, reason, lines))

    def screen(self, order_id: str, command: Command, rules: RuleSet, counters: Counters) -> Order:
        """Hold a received order where a rule says so; once that was done, asking again changes nothing."""
        order = self.load(order_id).state
        if order.status != "received" or screening.is_done(order):
            return order
        customer = order.received.customer.id
        ordered = {rule.id: counters.count(rule.id, customer, order_id, order.received_at, rule.window) for rule in rules.velocity}
        now = self._clock.now()
        found = screening.findings(order, rules, ordered, now)
        if not found:
            return order

        def decide(current: Order) -> Sequence[EventData]:
            return holds.place(current, found, now) if current.status in ("received", "on_hold") else []

        return self.decide(order_id, command, decide).state

    def hold(self, order_id: str, command: Command, wanted: PlaceHold) -> tuple[Done[Order], str]:
        """Stop the order; answers the id of the hold too. The same idempotency key leads to the same hold."""
        hold_id = derived_id("hld", order_id, command.key) if command.key else new_id("hld")
        expires_at = parse_rfc3339(wanted.expires_at) if wanted.expires_at else None
        on_expiry = (wanted.on_expiry or "rejected") if expires_at else None
        new = NewHold(hold_id, wanted.type, wanted.reason, wanted.line_id, expires_at, on_expiry)
        now = self._clock.now()
        return self.decide(order_id, command, lambda order: holds.place(order, [new], now)), hold_id

    def release_hold(self, order_id: str, hold_id: str, command: Command, reason: str) -> Done[Order]:
        """Release a hold; after the last one the order goes on."""
        return self.decide(order_id, command, lambda order: holds.release(order, hold_id, reason))

    def reject_hold(self, order_id: str, hold_id: str, command: Command, reason: str) -> Done[Order]:
        """Reject a hold; the saga that this starts undoes what was done."""
        return self.decide(order_id, command, lambda order: holds.reject(order, hold_id, reason))

    def expire_holds(self, order_id: str, command: Command, now: datetime) -> Done[Order]:
        """End the holds that nobody resolved in time."""
        return self.decide(order_id, command, lambda order: holds.expire(order, now))


def masked(ship_to: ShipToIn) -> ev.ShipTo:
    """A recipient as events may tell of them."""
    at = ship_to.location
    return ev.ShipTo(
        name=masking.name(ship_to.name),
        phone=masking.phone(ship_to.phone) if ship_to.phone else None,
        city=ship_to.city,
        region=ship_to.region,
        postal_code=masking.postal_code(ship_to.postal_code),
        country=ship_to.country,
        location=ev.Location(lat=round(at.lat, 1), lon=round(at.lon, 1)) if at else None,
    )


def _received(order: PlaceOrder, entry: str) -> ev.OrderReceived:
    """The fact that a channel's order becomes, its personal data masked; `entry` is where the vault has it in the clear."""
    customer = order.customer
    return ev.OrderReceived(
        channel=order.channel,
        external_id=order.external_id,
        placed_at=order.placed_at,
        currency=order.currency,
        customer=ev.Customer(
            id=customer.id,
            name=masking.name(customer.name) if customer.name else None,
            email=masking.email(customer.email) if customer.email else None,
            phone=masking.phone(customer.phone) if customer.phone else None,
            phone_country=masking.phone_country(customer.phone) if customer.phone else None,
        ),
        ship_to=masked(order.ship_to),
        delivery=ev.Delivery(method=order.delivery.method, node_id=order.delivery.node_id),
        lines=tuple(
            ev.Line(
                line_id=f"ln_{place}",
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price.amount,
                discount=line.discount.amount,
                tax=line.tax.amount,
            )
            for place, line in enumerate(order.lines, start=1)
        ),
        shipping=order.shipping.amount,
        payment=_methods(order)[0],
        payments=tuple(_methods(order)[1:]),
        department=order.department,
        tags=order.tags,
        vault_entry=entry,
        promised_on=order.promise.deliver_on.isoformat() if order.promise else None,
    )


def _methods(order: PlaceOrder) -> list[ev.PaymentMethod]:
    """The one that pays, or takes the rest, then all of them where there are several."""
    if order.payment is not None:
        return [ev.PaymentMethod(method=order.payment.method, token=order.payment.token)]
    parts = order.payments or []
    methods = [
        ev.PaymentMethod(method=part.method, token=part.token, amount=part.amount.amount if part.amount else None) for part in parts
    ]
    rest = next((method for method in methods if method.amount is None), methods[-1])
    return [rest, *methods]
