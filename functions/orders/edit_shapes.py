"""Edits as clients see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from orders.shapes import MoneyOut, TotalsOut

if TYPE_CHECKING:
    from orders.edit_events import Totals
    from orders.editing import Preview
    from orders.events import Line


class TermsOut(BaseModel):
    """A line's units and money; discount and tax are of the whole line."""

    quantity: int
    unit_price: MoneyOut
    discount: MoneyOut
    tax: MoneyOut


class LineEditOut(BaseModel):
    """A line before and after: without `before` it is added, without `after` it goes."""

    line_id: str
    sku: str
    before: TermsOut | None
    after: TermsOut | None


class EditPromiseOut(BaseModel):
    """What is known of the promise: nothing until the edit is committed, for its stock is found only then."""

    status: Literal["after_commit"]
    detail: str


class EditOut(BaseModel):
    """What an edit would change. `payment_delta` is what has to be paid more, or, where it is negative, less."""

    edit_id: str
    order_id: str
    order_version: int
    lines: list[LineEditOut]
    ship_to: dict[str, Any] | None
    delivery: dict[str, Any] | None
    totals_before: TotalsOut
    totals_after: TotalsOut
    payment_delta: MoneyOut
    promise: EditPromiseOut
    links: dict[str, str]


def edit_out(preview: Preview) -> EditOut:
    """A preview as clients see it."""
    previewed = preview.previewed
    currency = previewed.currency

    def money(amount: int) -> MoneyOut:
        return MoneyOut(amount=amount, currency=currency)

    def terms(line: Line | None) -> TermsOut | None:
        if line is None:
            return None
        return TermsOut(
            quantity=line.quantity, unit_price=money(line.unit_price), discount=money(line.discount), tax=money(line.tax)
        )

    def totals(of: Totals) -> TotalsOut:
        return TotalsOut(**{name: money(amount) for name, amount in of.model_dump().items()})

    lines = []
    for edit in previewed.lines:
        named = edit.after or edit.before
        assert named is not None  # an edit of a line has at least one of the two
        lines.append(LineEditOut(line_id=edit.line_id, sku=named.sku, before=terms(edit.before), after=terms(edit.after)))
    return EditOut(
        edit_id=preview.id,
        order_id=previewed.order_id,
        order_version=previewed.order_version,
        lines=lines,
        ship_to=previewed.ship_to.model_dump(mode="json", exclude_none=True) if previewed.ship_to else None,
        delivery=previewed.delivery.model_dump(mode="json", exclude_none=True) if previewed.delivery else None,
        totals_before=totals(previewed.totals_before),
        totals_after=totals(previewed.totals_after),
        payment_delta=money(previewed.payment_delta),
        promise=EditPromiseOut(status="after_commit", detail="Stock is found, and a date with it, once the edit is committed."),
        links={
            "order": f"/v1/orders/{previewed.order_id}",
            "commit": f"/v1/orders/{previewed.order_id}/edits/{preview.id}/commit",
        },
    )
