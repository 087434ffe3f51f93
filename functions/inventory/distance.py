"""How far apart places are."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

EARTH_KM = 6371.0
"""The mean radius of the Earth (IUGG)."""


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84."""

    lat: float
    lon: float


def great_circle_km(a: Point, b: Point) -> float:
    """The distance between two points on a sphere (haversine), in km; the Earth is within 0.6 % of one."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))
