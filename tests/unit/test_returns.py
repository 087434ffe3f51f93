"""What a return may do, what it costs, and which units it has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.queue_events import Message
from hub.starter import saga_after
from kernel.contracts import EventData, forms
from kernel.errors import Conflict, Forbidden, Invalid
from kernel.money import Money
from kernel.units import Units
from orders import events as orders_ev
from orders import exchange, returning
from orders import return_events as units_ev
from orders.domain import Order
from orders.domain import fold as fold_order
from returns import domain, tasks
from returns import events as ev
from returns.domain import Finding, Return
from returns.policy import Policy
from tests.examples import NOW, ORDER_ID, event, folded, received

RETURN_ID = "rma_" + "0" * 32


def line(quantity: int = 3, price: int = 333, discount: int = 0, tax: int = 1) -> orders_ev.Line:
    return orders_ev.Line(line_id="ln_1", sku="SKU-1", quantity=quantity, unit_price=price, discount=discount, tax=tax)


def delivered(quantity: int = 3, sold: orders_ev.Line | None = None) -> Order:
    """An order of one line, of which so many units were delivered by wh-1."""
    whole = sold or line()
    units = (orders_ev.LineQuantity(line_id="ln_1", quantity=quantity),)
    parcel = orders_ev.PlannedShipment(shipment_id="shp_1", node_id="wh-1", lines=units)
    return folded(
        received((whole,)),
        orders_ev.OrderConfirmed(payment_id="pay"),
        orders_ev.OrderAllocated(allocations=(orders_ev.Allocation(line_id="ln_1", node_id="wh-1", quantity=whole.quantity),)),
        orders_ev.OrderReleased(shipments=(parcel,)),
        orders_ev.OrderShipped(shipment_id="shp_1", lines=units),
        orders_ev.OrderDelivered(shipment_id="shp_1", lines=units),
    )


def after(order: Order, decided: list[EventData]) -> Order:
    for data in decided:
        order = fold_order(order, event(data, 99))
    return order


def asked(order: Order, quantity: int, return_id: str = RETURN_ID, reason: str = "damaged") -> Order:
    return after(order, returning.request(order, return_id, [returning.Wish("ln_1", quantity, reason)]))


def rma(
    *decided: EventData, quantity: int = 3, reason: str = "damaged", price: int = 333, tax: int = 1, shipping: int = 0
) -> Return:
    """A return of the first units of a line of three, and what was decided since."""
    begun = ev.ReturnRequested(
        order_id=ORDER_ID,
        currency="USD",
        shipping=shipping,
        lines=(
            ev.ReturnLine(
                line_id="ln_1",
                sku="SKU-1",
                node_id="wh-1",
                spans=((1, quantity),),
                line_total=3 * price + tax,
                line_tax=tax,
                line_quantity=3,
                reason=reason,
            ),
        ),
    )
    state = domain.fold(None, event(begun, 1, RETURN_ID))
    for data in decided:
        state = domain.fold(state, event(data, 2, RETURN_ID))
    return state


APPROVED = ev.ReturnApproved(order_id=ORDER_ID)
RECEIVED = ev.ReturnReceived(order_id=ORDER_ID)


def inspected(state: Return, **found: int) -> Return:
    findings = [Finding("ln_1", outcome, quantity) for outcome, quantity in found.items()]  # type: ignore[arg-type]
    for data in domain.inspect(state, findings):
        state = domain.fold(state, event(data, 9, RETURN_ID))
    return state


# --- the order's side ------------------------------------------------------------------------------------------


def test_units_are_set_aside_once_and_never_more_than_were_delivered() -> None:
    order = asked(delivered(2), 2)
    assert (order.lines["ln_1"].delivered, order.lines["ln_1"].return_requested) == (2, 2)
    assert returning.request(order, RETURN_ID, [returning.Wish("ln_1", 2, "damaged")]) == []
    with pytest.raises(Conflict) as refused:
        asked(order, 1, "rma_other")
    assert (refused.value.code, refused.value.errors[0].pointer) == ("not_returnable", "/lines/0/quantity")


def test_a_line_that_is_not_there_or_named_twice_is_refused() -> None:
    order = delivered()
    for wishes in (["ln_9"], ["ln_1", "ln_1"]):
        with pytest.raises(Invalid):
            returning.request(order, RETURN_ID, [returning.Wish(line_id, 1, "damaged") for line_id in wishes])


def test_released_units_may_be_returned_again_and_accepted_ones_never() -> None:
    order = asked(delivered(), 3)
    order = after(order, returning.settle(order, RETURN_ID, {"ln_1": Units.first(2)}, {"ln_1": Units.of([(3, 3)])}, "refused"))
    counters = order.lines["ln_1"]
    assert (counters.return_requested, counters.returned) == (0, 2)
    again = asked(order, 1, "rma_other")
    assert again.returns["rma_other"].pending["ln_1"] == Units.of([(3, 3)])
    with pytest.raises(Conflict):
        asked(again, 1, "rma_third")


def test_settling_again_decides_nothing_and_settling_otherwise_is_refused() -> None:
    order = asked(delivered(), 3)
    both = ({"ln_1": Units.first(2)}, {"ln_1": Units.of([(3, 3)])})
    order = after(order, returning.settle(order, RETURN_ID, *both, "refused"))
    assert returning.settle(order, RETURN_ID, *both, "refused") == []
    with pytest.raises(Conflict):
        returning.settle(order, RETURN_ID, {"ln_1": Units.first(3)}, {}, "refused")


def test_a_refund_is_recorded_once_with_its_units() -> None:
    order = asked(delivered(), 2)
    order = after(order, returning.settle(order, RETURN_ID, {"ln_1": Units.first(2)}, {}, "refused"))
    order = after(order, returning.record_refund(order, RETURN_ID, 666))
    assert (order.lines["ln_1"].refunded, order.returns[RETURN_ID].refunded) == (2, 666)
    assert returning.record_refund(order, RETURN_ID, 666) == []


# --- the return's side -----------------------------------------------------------------------------------------


def test_a_return_goes_through_its_stages_and_no_others() -> None:
    assert rma().status == "requested"
    with pytest.raises(Conflict):
        domain.receive(rma(), None)
    with pytest.raises(Conflict):
        domain.inspect(rma(APPROVED), [Finding("ln_1", "restock", 3)])
    with pytest.raises(Conflict):
        domain.cancel(rma(APPROVED, RECEIVED), "changed my mind")
    done = inspected(rma(APPROVED, RECEIVED), restock=2, scrap=1)
    assert done.status == "inspected"
    for data in domain.request_refund(done, Policy(), may_exceed=False):
        done = domain.fold(done, event(data, 9, RETURN_ID))
    for data in domain.record_refund(done):
        done = domain.fold(done, event(data, 10, RETURN_ID))
    assert done.status == "refunded"


def test_inspection_finds_something_of_every_unit() -> None:
    here = rma(APPROVED, RECEIVED)
    for findings in ([Finding("ln_1", "restock", 2)], [Finding("ln_1", "restock", 4)], [Finding("ln_9", "restock", 3)]):
        with pytest.raises(Invalid):
            domain.inspect(here, findings)


def test_a_return_of_which_nothing_is_taken_is_rejected_by_its_inspection() -> None:
    refused = inspected(rma(APPROVED, RECEIVED), refuse=3)
    assert refused.status == "rejected"
    assert refused.released == {"ln_1": Units.first(3)}
    with pytest.raises(Conflict):
        domain.request_refund(refused, Policy(), may_exceed=True)


def test_refused_units_are_not_refunded() -> None:
    part = inspected(rma(APPROVED, RECEIVED), restock=1, scrap=1, refuse=1)
    (refund,) = domain.request_refund(part, Policy(), may_exceed=False)
    assert isinstance(refund, ev.RefundRequested)
    # 1000 for three units: the shares are 333, 333 and 334; the first two were taken.
    assert (refund.amount, refund.parts[0].quantity) == (666, 2)


@pytest.mark.parametrize(("reason", "amount"), [("damaged", 1000), ("Changed  mind", 900), ("too small", 1000)])
def test_the_restocking_fee_depends_on_the_reason(reason: str, amount: int) -> None:
    here = inspected(rma(APPROVED, RECEIVED, reason=reason), restock=3)
    (refund,) = domain.request_refund(here, Policy(), may_exceed=False)
    assert isinstance(refund, ev.RefundRequested)
    assert refund.amount == amount


def test_over_the_limit_a_refund_is_for_approvers_or_finance() -> None:
    here = inspected(rma(APPROVED, RECEIVED, price=20_000), restock=3)
    with pytest.raises(Forbidden) as refused:
        domain.request_refund(here, Policy(), may_exceed=False)
    assert refused.value.code == "refund_limit_exceeded"
    assert domain.request_refund(here, Policy(), may_exceed=True)


def test_before_inspection_a_refund_is_for_what_policy_trusts() -> None:
    with pytest.raises(Conflict) as refused:
        domain.request_refund(rma(APPROVED), Policy(), may_exceed=True)
    assert refused.value.code == "not_inspected"
    trusting = Policy(early_refund_limit=1000)
    early = rma(APPROVED, *domain.request_refund(rma(APPROVED), trusting, may_exceed=False))
    assert (early.status, early.accepted) == ("approved", {"ln_1": Units.first(3)})
    with pytest.raises(Conflict, match="already_refunded"):
        domain.cancel(early, "keeps it")
    here = domain.fold(early, event(RECEIVED, 5, RETURN_ID))
    with pytest.raises(Conflict, match="already_refunded"):
        domain.inspect(here, [Finding("ln_1", "refuse", 3)])
    assert inspected(here, scrap=3).accepted == {"ln_1": Units.first(3)}


@pytest.mark.parametrize(("reason", "shipping"), [("damaged", 300), ("changed_mind", 0)])
def test_shipping_goes_back_with_a_whole_order_that_was_our_fault(reason: str, shipping: int) -> None:
    (refund,) = domain.request_refund(
        inspected(rma(APPROVED, RECEIVED, reason=reason, shipping=300), restock=3), Policy(), may_exceed=False
    )
    assert isinstance(refund, ev.RefundRequested)
    assert refund.shipping == shipping
    part = inspected(rma(APPROVED, RECEIVED, reason=reason, shipping=300), restock=2, refuse=1)
    (refund,) = domain.request_refund(part, Policy(), may_exceed=False)
    assert isinstance(refund, ev.RefundRequested)
    assert refund.shipping == 0


def test_a_decision_that_was_made_is_not_made_again() -> None:
    assert domain.approve(rma(APPROVED)) == []
    assert domain.receive(rma(APPROVED, RECEIVED), None) == []
    assert domain.cancel(rma(ev.ReturnCancelled(order_id=ORDER_ID, reason="r")), "r") == []
    assert domain.reject(rma(ev.ReturnRejected(order_id=ORDER_ID, reason="r")), "r") == []
    assert domain.record_refund(rma()) == []


def test_the_plan_says_what_follows_from_a_return() -> None:
    here = inspected(rma(APPROVED, ev.ReturnReceived(order_id=ORDER_ID, node_id="wh-2")), restock=1, scrap=1, refuse=1)
    planned = json.loads(json.dumps(tasks.plan(here)))
    assert planned == {
        "outcome": "inspected",
        "accepted": [{"line_id": "ln_1", "spans": [[1, 2]]}],
        "released": [{"line_id": "ln_1", "spans": [[3, 3]]}],
        "reason": "refused",
        "restock": [{"sku": "SKU-1", "node_id": "wh-2", "quantity": 1}],
        "inspected_at": "2026-11-23T10:00:00.000Z",
        "refund": None,
        "exchange_due": False,
    }
    assert tasks.plan(rma(ev.ReturnCancelled(order_id=ORDER_ID, reason="r")))["reason"] == "cancelled"
    assert tasks.plan(replace(here, refunded=1))["refund"] is None


# --- units -----------------------------------------------------------------------------------------------------

SOME = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)).map(lambda s: (s[0], s[0] + s[1])), max_size=5).map(Units.of)


def plain(units: Units) -> set[int]:
    return {n for first, last in units.spans for n in range(first, last + 1)}


@given(SOME, SOME)
def test_units_are_the_sets_that_they_stand_for(a: Units, b: Units) -> None:
    assert plain(a | b) == plain(a) | plain(b)
    assert plain(a - b) == plain(a) - plain(b)
    assert plain(a & b) == plain(a) & plain(b)
    assert a.count == len(plain(a))


@given(SOME, st.integers(0, 30))
def test_taking_takes_the_lowest(units: Units, count: int) -> None:
    if count > units.count:
        with pytest.raises(ValueError, match="not so many"):
            units.take(count)
    else:
        assert plain(units.take(count)) == set(sorted(plain(units))[:count])


@given(st.integers(0, 10_000), st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_units_of_a_line_cost_what_the_line_costs(total: int, sold: int, chance: object) -> None:
    left, parts = Units.first(sold), []
    while left.count:
        size = chance.randint(1, left.count)  # type: ignore[attr-defined]
        start = chance.randint(1, left.count - size + 1)  # type: ignore[attr-defined]
        part = left.take(start + size - 1) - left.take(start - 1)
        parts.append(part.price(Money(total, "USD"), sold).amount)
        left = left - part
    assert sum(parts) == total


def test_an_exchange_is_for_the_same_customer_and_is_told_in_both_forms_of_its_event() -> None:
    order = delivered()
    wanted = units_ev.Exchange(lines=(units_ev.WantedLine(sku="SKU-9", quantity=2, unit_price=400, discount=50),), shipping=7)
    order = after(order, returning.request(order, RETURN_ID, [returning.Wish("ln_1", 1, "wrong size")], wanted))
    placed = exchange.exchange(order, RETURN_ID, "2026-11-24T00:00:00.000Z")
    assert (placed.customer, placed.ship_to, placed.payment) == (
        order.received.customer,
        order.received.ship_to,
        order.received.payment,
    )
    assert (placed.exchange_of, placed.vault_order, placed.vault_entry) == (order.id, order.id, order.received.vault_entry)
    assert (placed.shipping, [part.sku for part in placed.lines]) == (7, ["SKU-9"])
    assert [type(form).event_version for form in forms(placed, date(2026, 11, 24))] == [2, 1]
    with pytest.raises(Conflict):
        exchange.exchange(delivered(), RETURN_ID, "2026-11-24T00:00:00.000Z")


@pytest.mark.parametrize(("intent", "saga"), [(RETURN_ID, "returns"), ("goodwill-1", None), (None, None)])
def test_a_refund_that_was_answered_late_brings_its_return_on(intent: str | None, saga: str | None) -> None:
    data = {"order_id": ORDER_ID, "amount": 5, **({"intent": intent} if intent else {})}
    message = Message("m", "evt_1", "payment.refunded.v1", "pay_1", 4, NOW, "fast", "req_1", None, data)
    assert saga_after(message) == saga
