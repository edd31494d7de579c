"""Pictures of a result: `result.plot()`, `result.plot.<view>()`, and `result.plot.data(view)`, their numbers.

A class names its views and the module that draws them; that module, and Plotly with it, is imported when a
picture is asked for. So a class does not know its pictures, and pictures may know the class.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from crm_analytics.errors import ParameterError, check_name, nearest

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A frame and how it is drawn.

    frame : the numbers of the figure; nobody's id or name
    title : what the figure shows
    draw : the figure of the frame, one of `pages.figures` and its neighbours
    empty : what to say where the frame has no row
    """

    frame: pd.DataFrame
    title: str
    draw: Callable[[pd.DataFrame], go.Figure] = field(repr=False)
    empty: str = "There is nothing to draw: no row has a number."

    def figure(self) -> go.Figure:
        """The figure with its title, or one that says why there is nothing to draw."""
        from crm_analytics.pages import composed_figures

        drawn = composed_figures.nothing(self.empty) if self.frame.empty else self.draw(self.frame)
        return composed_figures.alone(drawn, self.title)


class Plots:
    """The pictures of a class, as an attribute of it: ``plot = Plots("…rfm.pictures", "treemap", "grid")``.

    Parameters
    ----------
    module : that has a function of each view's name, which takes a result and gives a `Picture`
    views : names, the first is drawn by ``result.plot()``
    """

    def __init__(self, module: str, *views: str) -> None:
        self.module = module
        self.views = views

    def __get__(self, result: Any, owner: type | None = None) -> Plot:
        return Plot(result, self.module, self.views)


class Plot:
    """The pictures of one result.

    Examples
    --------
    >>> from crm_analytics import CustomerBase
    >>> from crm_analytics.analyses import rfm
    >>> frame = pd.DataFrame({"customer_id": [f"c{i % 30}" for i in range(90)],
    ...     "transaction_date": pd.date_range("2026-01-01", periods=90), "unit_spend": range(1, 91)})
    >>> scores = rfm.score(CustomerBase.open(frame, today="2026-12-31"))
    >>> scores.plot
    <pictures: .plot.treemap(), .plot.grid(), .plot.concentration()>
    >>> type(scores.plot()).__name__, scores.plot.data("grid").columns.tolist()
    ('Figure', ['recency_band', 'order_band', 'customers', 'revenue'])
    """

    def __init__(self, result: Any, module: str, views: tuple[str, ...]) -> None:
        self._result = result
        self._module = module
        self.views = views

    def __call__(self, view: str = "", **options: Any) -> go.Figure:
        """Draw a view, by default the first.

        Parameters
        ----------
        view : one of `views`
        options : of the view, see its own help

        Raises
        ------
        ParameterError : an unknown view or option.
        """
        return self._picture(view, options).figure()

    def data(self, view: str = "", **options: Any) -> pd.DataFrame:
        """The frame that a view is drawn from."""
        return self._picture(view, options).frame

    def __getattr__(self, name: str) -> Callable[..., go.Figure]:
        if name.startswith("_"):
            raise AttributeError(name)
        made = self._maker(name)

        def view(**options: Any) -> go.Figure:
            return self(name, **options)

        view.__doc__, view.__name__ = made.__doc__, name
        return view

    def __dir__(self) -> list[str]:
        return sorted([*self.views, "data", "views"])

    def __repr__(self) -> str:
        return f"<pictures: {', '.join(f'.plot.{view}()' for view in self.views)}>"

    def _picture(self, view: str, options: dict[str, Any]) -> Picture:
        name = view or self.views[0]
        if self._result is None:
            raise ParameterError("pictures are drawn of a result, and this is its class")
        made = self._maker(name)
        known = list(made.__kwdefaults__ or {})
        for option in options:
            if option not in known:
                has = f"has {', '.join(known)}" if known else "has no options"
                raise ParameterError(f".plot.{name}: no option '{option}'{nearest(option, known)}; it {has}")
        picture: Picture = made(self._result, **options)
        return picture

    def _maker(self, name: str) -> Callable[..., Any]:
        if name not in self.views:
            raise UnknownView(f"no picture '{name}'{nearest(name, self.views)}: {', '.join(self.views)}")
        made: Callable[..., Any] = getattr(importlib.import_module(self._module), name)
        return made


class UnknownView(ParameterError, AttributeError):  # noqa: N818 - the name is the sentence
    """A view that a result does not have; an AttributeError, so that `hasattr` works."""


def one_of(option: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value of an option that is not known.

    Raises
    ------
    ParameterError : with the nearest and the known ones.

    >>> one_of("by", "revenue", ("revenue", "customers"))
    """
    check_name(f"{option}: unknown", value, known)
