"""What inventory takes and answers over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", max_length=64)]
MAX_MOVEMENTS = 500


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PointIn(_Strict):
    """Degrees of latitude and longitude, WGS 84."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class NodeIn(_Strict):
    """A place that holds stock; a lower cost rank is preferred."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: Literal["warehouse", "store"]
    location: PointIn
    capabilities: Annotated[list[Literal["ship", "pickup"]], Field(max_length=2)]
    cost_rank: int = Field(strict=True, ge=0, le=10**6)


class NodeOut(BaseModel):
    """A node."""

    node_id: str
    name: str
    kind: str
    location: PointIn
    capabilities: list[str]
    cost_rank: int
    version: int


class NodePage(BaseModel):
    """All nodes."""

    items: list[NodeOut]
    next_cursor: Literal[None] = None


class MovementIn(_Strict):
    """`received`, `counted` and `sold` take units; `adjusted` takes a signed difference.

    `counted_at` is when a stock-take was: what moved since is not undone by it. `channel` is where it was `sold`: at a till, `pos`.
    """

    sku: Word
    node_id: Word
    type: Literal["received", "adjusted", "counted", "sold"]
    quantity: int = Field(strict=True, ge=-(10**9), le=10**9)
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    counted_at: AwareDatetime | None = None
    channel: Word | None = None

    @model_validator(mode="after")
    def _sign(self) -> Self:
        if self.type in ("received", "sold") and self.quantity < 1:
            raise ValueError("it takes at least one unit")
        if self.counted_at is not None and self.type != "counted":
            raise ValueError("only a count has a time of its own")
        if (self.channel is not None) != (self.type == "sold"):
            raise ValueError("a sale names its channel, and nothing else does")
        if self.type == "counted" and self.quantity < 0:
            raise ValueError("nobody counts less than nothing")
        if self.type == "adjusted" and self.quantity == 0:
            raise ValueError("an adjustment of nothing")
        return self


class MovementsIn(_Strict):
    """A batch of movements."""

    movements: Annotated[list[MovementIn], Field(min_length=1, max_length=MAX_MOVEMENTS)]


class MovementsOut(BaseModel):
    """How many movements the batch made."""

    accepted: int


class NodeStock(BaseModel):
    """Stock at a node, in units.

    `available` = `on_hand` − `allocated` − `reserved` − `safety`, less what is kept back from the channel that was asked for.
    """

    node_id: str
    on_hand: int
    allocated: int
    reserved: int
    safety: int
    available: int


class SkuStock(BaseModel):
    """What can be sold of a SKU. Reservations held past their time do not count, swept or not."""

    sku: str
    available: int
    nodes: list[NodeStock]


class PolicyIn(_Strict):
    """How a node sells a SKU, in units; what is left out is off.

    `safety` is not for sale. Below `low_threshold` there is too little, and `reorder_up_to` is then the target. `buffers` are kept
    back from the channels that they name.
    """

    safety: int = Field(default=0, strict=True, ge=0, le=10**9)
    low_threshold: int | None = Field(default=None, strict=True, ge=1, le=10**9)
    reorder_up_to: int | None = Field(default=None, strict=True, ge=1, le=10**9)
    buffers: Annotated[dict[Word, Annotated[int, Field(strict=True, ge=1, le=10**9)]], Field(max_length=20)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _target(self) -> Self:
        if self.reorder_up_to is not None and (self.low_threshold is None or self.reorder_up_to < self.low_threshold):
            raise ValueError("a target needs a threshold, and is not below it")
        return self


class PolicyOut(BaseModel):
    """How a node sells a SKU, and what it can sell of it."""

    sku: str
    node_id: str
    safety: int
    low_threshold: int | None
    reorder_up_to: int | None
    buffers: dict[str, int]
    available: int


class FeedRow(_Strict):
    """What another system says is on hand."""

    sku: Word
    node_id: Word
    on_hand: int = Field(strict=True, ge=0, le=10**9)


class FeedIn(_Strict):
    """Another system's picture of stock, as of an instant."""

    source: Word
    as_of: AwareDatetime
    rows: Annotated[list[FeedRow], Field(min_length=1, max_length=MAX_MOVEMENTS)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({(row.sku, row.node_id) for row in self.rows}) < len(self.rows):
            raise ValueError("a picture names each SKU at a node once")
        return self


class FeedOut(BaseModel):
    """What a feed did: rows that were older than what our books were set by changed nothing."""

    applied: int
    stale_rows: list[int]


class MovementOut(BaseModel):
    """A movement, and what it added to the counter, in units."""

    at: str
    type: str
    quantity: int
    reference: str
    order_id: str | None
    channel: str | None
    bucket: int
    on_hand: int
    allocated: int
    reserved: int
    safety: int


class MovementPage(BaseModel):
    """Movements, newest first."""

    items: list[MovementOut]
    next_cursor: str | None
