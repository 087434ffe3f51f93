"""A document as a PDF, on A4: who issues it, for whom, what for, the tax by rate, and what paid for it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from invoicing.shapes import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoicing.domain import Issued
    from invoicing.events import Document, Item

WITHOUT_MINOR = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""Currencies without minor units (ISO 4217)."""
THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Currencies whose minor unit is a thousandth (ISO 4217)."""
TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}
INK = colors.HexColor("#1f2933")
QUIET = colors.HexColor("#6b7785")
RULE = colors.HexColor("#d5dbe1")
BAND = colors.HexColor("#f3f5f7")
PLAIN = ParagraphStyle("plain", fontName="Helvetica", fontSize=9, leading=12, textColor=INK)
SMALL = ParagraphStyle("small", parent=PLAIN, fontSize=7.5, leading=10, textColor=QUIET)
TITLE = ParagraphStyle("title", parent=PLAIN, fontName="Helvetica-Bold", fontSize=20, leading=24)
WIDTH = A4[0] - 40 * mm


def amount(minor: int, currency: str) -> str:
    """Minor units as people write them: `1,234.50`."""
    digits = 0 if currency in WITHOUT_MINOR else 3 if currency in THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f}"


def render(issued: Issued) -> bytes:
    """The document's PDF; the same bytes for the same document, whenever it is made."""
    document = issued.document
    out = io.BytesIO()
    page = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=22 * mm,
        title=f"{TITLES[issued.kind]} {document.number}",
        author=document.entity.name,
        invariant=1,
    )

    def footer(canvas: Any, _: Any) -> None:  # reportlab's canvas and template are not typed
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(QUIET)
        canvas.drawString(20 * mm, 12 * mm, f"{document.entity.name} · Tax id {document.entity.tax_id}")
        canvas.drawRightString(A4[0] - 20 * mm, 12 * mm, f"{document.number} · page {canvas.getPageNumber()}")

    page.build([*_head(issued), *_items(document), *_totals(document), *_notes(issued)], onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _head(issued: Issued) -> list[Any]:
    document = issued.document
    entity, customer = document.entity, document.customer
    facts = [
        ("Number", document.number),
        ("Date", document.issued_on),
        ("Order", document.external_id),
        ("Customer", customer.id),
    ]
    issuer = Paragraph(
        "<br/>".join([f"<b>{_text(entity.name)}</b>", *map(_text, entity.address), f"Tax id {_text(entity.tax_id)}"]), PLAIN
    )
    place = " ".join(part for part in (customer.postal_code, customer.city, customer.region) if part)
    recipient = "<br/>".join(_text(part) for part in (customer.name or "", place, customer.country) if part)
    table = Table([[Paragraph(name, SMALL), Paragraph(_text(value), PLAIN)] for name, value in facts], colWidths=[22 * mm, 58 * mm])
    table.setStyle(
        TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
        )
    )
    to = [Paragraph("Credited to" if issued.kind == "credit_note" else "Billed to", SMALL), Paragraph(recipient, PLAIN)]
    head = Table([[Paragraph(TITLES[issued.kind], TITLE), issuer], [to, table]], colWidths=[WIDTH - 82 * mm, 82 * mm])
    head.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 1), (-1, 1), 14)])
    )
    return [head, Spacer(1, 10 * mm)]


def _items(document: Document) -> list[Any]:
    def row(item: Item) -> list[Any]:
        return [
            Paragraph(_named(item), PLAIN),
            str(item.quantity),
            amount(item.unit_price, document.currency),
            amount(-item.discount - item.fee, document.currency) if item.discount + item.fee else "",
            percent(item.rate),
            amount(item.net, document.currency),
            amount(item.gross, document.currency),
        ]

    heads = ["Item", "Qty", "Unit price", "Discount, fee", "Tax", "Net", f"Total {document.currency}"]
    widths = [WIDTH - 118 * mm, 11 * mm, 22 * mm, 23 * mm, 16 * mm, 22 * mm, 24 * mm]
    return [_ruled([heads, *map(row, document.items)], widths)]


def _named(item: Item) -> str:
    names = {"goods": item.sku or "", "shipping": "Shipping", "advance": "Advance payment", "refund": "Refund"}
    part = "<br/><font size=7 color='#6b7785'>in part; the rest is on another document</font>" if item.part else ""
    return f"{_text(names[item.kind])}{part}"


def _totals(document: Document) -> list[Any]:
    rows = [["Tax rate", "Net", "Tax"]]
    rows += [[percent(r.rate), amount(r.net, document.currency), amount(r.tax, document.currency)] for r in document.rates]
    rates = _ruled(rows, [20 * mm, 25 * mm, 25 * mm])
    sums = Table(
        [
            ["Net", amount(document.net, document.currency)],
            ["Tax", amount(document.tax, document.currency)],
            [f"Total {document.currency}", amount(document.gross, document.currency)],
        ],
        colWidths=[30 * mm, 30 * mm],
    )
    sums.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Helvetica", 9),
                ("FONT", (0, 2), (-1, 2), "Helvetica-Bold", 11),
                ("TEXTCOLOR", (0, 0), (-1, -1), INK),
                ("ALIGN", (1, 0), (1, -1), "RIGHT"),
                ("LINEABOVE", (0, 2), (-1, 2), 0.8, INK),
                ("TOPPADDING", (0, 2), (-1, 2), 5),
            ]
        )
    )
    both = Table([[rates, "", sums]], colWidths=[70 * mm, WIDTH - 130 * mm, 60 * mm])
    both.setStyle(
        TableStyle(
            [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
        )
    )
    return [Spacer(1, 8 * mm), both]


def _notes(issued: Issued) -> list[Any]:
    document = issued.document
    verb = "Given back by" if issued.kind == "credit_note" else "Paid by"
    said = [f"{verb} payment {document.payment_id}: {document.currency} {amount(document.gross, document.currency)}."]
    corrects = getattr(document, "corrects", ())
    if corrects:
        said.append(f"Corrects {', '.join(corrects)}.")
    said.append("The customer's name and address are shortened on purpose; the order has them for whoever is entitled to see them.")
    return [Spacer(1, 10 * mm), *(Paragraph(_text(line), SMALL) for line in said)]


def _ruled(rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> Table:
    table = Table(list(rows), colWidths=list(widths), repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Helvetica", 9),
                ("FONT", (0, 0), (-1, 0), "Helvetica", 7.5),
                ("TEXTCOLOR", (0, 0), (-1, -1), INK),
                ("TEXTCOLOR", (0, 0), (-1, 0), QUIET),
                ("BACKGROUND", (0, 0), (-1, 0), BAND),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
            ]
        )
    )
    return table


def _text(value: str) -> str:
    """A value as reportlab's markup has it."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
