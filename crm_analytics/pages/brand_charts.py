"""The colours of figures under a shop's own colour: what stands out takes it, where it stays readable.

Figures are written in the colours of `theme`; a page's script swaps each for its twin. With a brand the
accent and the shades of heat maps have twins of its hue. Orange keeps its meaning: a colour that a reader,
colour-blind or not, could take for it, or for another series, is left to links and marks; charts keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from crm_analytics.pages import theme
from crm_analytics.pages.brand import DARK, Brand, channels, mixed

APART = 0.15  # distance in OKLab from the colour that asks for attention, to any reader
APART_FROM_SERIES = 0.08  # and from the other series of a chart, to most readers

# Ottosson, "A perceptual color space for image processing" (2020): linear sRGB to cone responses to OKLab.
_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_OKLAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency",
# IEEE TVCG 15 (2009), severity 1: what is seen without long and without middle cones.
_SEEN_AS = {
    "all": np.eye(3),
    "protan": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ]),
    "deutan": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ]),
}  # fmt: skip
# How much of the colour is in each pale step of a scale; then comes the colour, and last a stronger one.
_PALE_BY_DAY, _PALE_BY_NIGHT = (0.05, 0.14, 0.27, 0.42), (0.06, 0.16, 0.28, 0.38)


def twins(brand: Brand | None) -> tuple[dict[str, str], dict[str, str]]:
    """What each colour of a figure becomes on the light page, and on the dark one.

    Examples
    --------
    >>> from crm_analytics.pages.brand import brand
    >>> twins(brand("#7a1f5c"))[0][theme.ACCENT]
    '#7a1f5c'
    >>> twins(brand("#a8480a"))[0]                  # would be taken for orange, which means attention
    {}
    """
    if brand is None or not brand.accent or not stands_apart(brand.accent):
        return {}, dict(theme.DARK)
    day, night = brand.accent, brand.accent_dark
    shades_by_day = [
        *(mixed("#ffffff", day, share) for share in _PALE_BY_DAY),
        day,
        mixed(day, "#000000", 0.3),
    ]
    shades_by_night = [*(mixed(DARK[0], night, share) for share in _PALE_BY_NIGHT), night]
    shades_by_night.append(mixed(night, "#ffffff", 0.4))
    light = {**dict(zip(theme.SCALE, shades_by_day, strict=True)), theme.ACCENT: day}
    dark = {**theme.DARK, **dict(zip(theme.SCALE, shades_by_night, strict=True)), theme.ACCENT: night}
    light[theme.ACCENT_SOFT], dark[theme.ACCENT_SOFT] = _soft(day, 0.12), _soft(night, 0.18)
    return light, dark


def stands_apart(colour: str) -> bool:
    """Whether nobody takes a colour for the one of attention, and few for another series.

    >>> stands_apart(theme.ACCENT), stands_apart("#1a7f37")   # green is orange to the colour-blind
    (True, False)
    """
    return (
        min(_distance(colour, theme.ATTENTION, seen) for seen in _SEEN_AS) >= APART
        and min(_distance(colour, series, "all") for series in theme.SERIES[2:]) >= APART_FROM_SERIES
    )


def _distance(one: str, other: str, seen: str) -> float:
    return float(np.linalg.norm(_oklab(one, _SEEN_AS[seen]) - _oklab(other, _SEEN_AS[seen])))


def _oklab(colour: str, seen_as: np.ndarray) -> np.ndarray:
    share = _shares(channels(colour))
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(_TO_OKLAB @ np.cbrt(np.clip(_TO_CONES @ np.clip(seen_as @ linear, 0, 1), 0, None)))


def _shares(parts: Iterable[int]) -> np.ndarray:
    return np.array(list(parts)) / 255


def _soft(colour: str, opacity: float) -> str:
    return f"rgba({','.join(map(str, channels(colour)))},{opacity:g})"
