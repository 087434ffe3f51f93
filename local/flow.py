"""Draws the state graph as orders walked it: on every edge how many took it, how long they had dwelt, how late it was known."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES: Final[dict[str, tuple[int, int]]] = {
    "new": (0, 1),
    "received": (1, 1),
    "confirmed": (2, 1),
    "allocated": (3, 1),
    "released": (4, 1),
    "shipped": (5, 1),
    "delivered": (6, 1),
    "completed": (7, 1),
    "on_hold": (3, 0),
    "rejected": (2, 2),
    "cancelling": (4, 2),
    "cancelled": (6, 2),
}
"""Where each state stands, by column and row: the way of an order that goes well is the middle row."""
TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>'
)
COLUMN, ROW, WIDTH, HEIGHT = 200, 190, 104, 36


def svg(flow: Mapping[str, Any]) -> str:
    """The graph as a picture, every state that orders were in and every edge that they took."""
    places = dict(PLACES)
    for state in flow["states"]:
        places.setdefault(state, (len(places) % 8, 3))
    shown = {state: _centre(place) for state, place in places.items() if state in flow["states"]}
    width, height = COLUMN * 8 + 40, max(y for _, y in shown.values()) + 110 if shown else 120
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="12">',
        TIP,
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="20" y="24" font-size="14" font-weight="600">How orders moved, {escape(flow["since"])} to {escape(flow["until"])}</text>',
        '<text x="20" y="42" fill="#667">on each edge: how many; dwell p50 / p95 / p99; lag p50 / p99</text>',
    ]
    parts += [_edge(edge, shown) for edge in flow["edges"]]
    parts += [_state(state, x, y) for state, (x, y) in shown.items()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def table(flow: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The graph as rows: from, to, count, dwell p50, p95, p99, lag p50, p99."""
    return [
        (
            edge["before"],
            edge["after"],
            str(edge["count"]),
            *_told(edge["dwell_ms"], "p50", "p95", "p99"),
            *_told(edge["lag_ms"], "p50", "p99"),
        )
        for edge in flow["edges"]
    ]


def duration(ms: float) -> str:
    """A duration as people read it."""
    for unit, size in (("d", 86_400_000.0), ("h", 3_600_000.0), ("min", 60_000.0), ("s", 1_000.0)):
        if ms >= size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms:.0f} ms"


def _told(durations: Mapping[str, float] | None, *names: str) -> tuple[str, ...]:
    return tuple(duration(durations[name]) if durations else "-" for name in names)


def _centre(place: tuple[int, int]) -> tuple[int, int]:
    return 80 + place[0] * COLUMN, 100 + place[1] * ROW


def _state(state: str, x: int, y: int) -> str:
    left, top = x - WIDTH // 2, y - HEIGHT // 2
    return (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#eef3fb" stroke="#46c"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" font-weight="600">{escape(state)}</text>'
    )


def _edge(edge: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[edge["before"]], places[edge["after"]]
    neighbours = y1 == y2 and 0 < x2 - x1 <= COLUMN
    start, end = _rim(x1, y1, x2, y2), _rim(x2, y2, x1, y1)
    # An edge that is not between neighbours bends, so that there and back are two lines, and none runs through a state.
    bend = 0 if neighbours else 46 if y1 == y2 else 60
    middle = ((start[0] + end[0]) / 2 + (bend if y2 < y1 else -bend), (start[1] + end[1]) / 2 - (bend if y1 == y2 else 0))
    lines = [
        str(edge["count"]),
        " / ".join(_told(edge["dwell_ms"], "p50", "p95", "p99")),
        "lag " + " / ".join(_told(edge["lag_ms"], "p50", "p99")),
    ]
    # Marked nearer to where it begins, so that the marks of there and back stand apart.
    along = 0.5 if neighbours else 0.36
    x, y = (_on_curve(start[axis], middle[axis], end[axis], along) for axis in (0, 1))
    at = y - 34 if neighbours else y - 10
    width = 6 * max(len(line) for line in lines)
    behind = f'<rect x="{x - width / 2:.0f}" y="{at - 11:.0f}" width="{width}" height="42" fill="#fff" fill-opacity="0.85"/>'
    texts = behind + "".join(
        f'<text x="{x:.0f}" y="{at + 13 * place:.0f}" text-anchor="middle" font-size="10" fill="#334">{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
    path = f"M{start[0]:.0f} {start[1]:.0f}Q{middle[0]:.0f} {middle[1]:.0f} {end[0]:.0f} {end[1]:.0f}"
    return f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#tip)"/>{texts}'


def _on_curve(start: float, pull: float, end: float, share: float) -> float:
    """A coordinate on a quadratic Bézier curve, after a share of it."""
    return (1 - share) ** 2 * start + 2 * share * (1 - share) * pull + share**2 * end


def _rim(x: int, y: int, towards_x: int, towards_y: int) -> tuple[float, float]:
    """Where the line from a state's middle leaves its box."""
    dx, dy = towards_x - x, towards_y - y
    scale = min((WIDTH / 2 + 2) / abs(dx) if dx else 9.0, (HEIGHT / 2 + 2) / abs(dy) if dy else 9.0)
    return x + dx * scale, y + dy * scale
