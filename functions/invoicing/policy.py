"""Who issues what, as data: legal entities, which orders are whose, and how an order's invoices are cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from invoicing.events import Entity

if TYPE_CHECKING:
    from collections.abc import Mapping

Split = Literal["payment", "shipment", "tax_rate"]
"""One invoice for what a payment captured at once (so one for each payer), or one for each shipment, or tax rate, of that."""

US = Entity(
    code="US", name="OrderHub Retail Inc.", address=("100 Main Street", "Hoboken NJ 07030", "United States"), tax_id="12-3456789"
)
EU = Entity(code="EU", name="OrderHub Retail GmbH", address=("Hauptstraße 1", "10115 Berlin", "Germany"), tax_id="DE123456789")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of invoicing. The example entities are placeholders: put the merchant's own here."""

    entities: tuple[Entity, ...] = (US, EU)
    by_channel: Mapping[str, str] = field(default_factory=dict)
    """The code of the entity by channel; comes before the country."""
    by_country: Mapping[str, str] = field(
        default_factory=lambda: dict.fromkeys(("AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PL"), "EU")
    )
    """The code of the entity by the country that is shipped to; all others are the first entity's."""
    split: Split = "payment"
    rates: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"DE": (1900, 700), "AT": (2000, 1000), "FR": (2000, 550), "NL": (2100, 900)}
    )
    """Tax rates by country, in basis points; an amount that fits none of them to the cent shows the rate that it comes to."""

    def entity(self, channel: str, country: str) -> Entity:
        """Who issues an order's documents. Raises LookupError where the rules name an entity that is not there."""
        code = self.by_channel.get(channel) or self.by_country.get(country) or self.entities[0].code
        return next(entity for entity in self.entities if entity.code == code)

    def rate(self, net: int, tax: int, country: str) -> int:
        """The tax rate, in basis points, of an amount: the country's own that fits to the cent, else what it comes to."""
        if tax == 0 or net <= 0:
            return 0
        fits = (rate for rate in self.rates.get(country, ()) if abs(net * rate - tax * 10_000) <= 10_000)
        return next(fits, round(tax * 1_000 / net) * 10)


POLICY = Policy()
"""The rules in force."""
