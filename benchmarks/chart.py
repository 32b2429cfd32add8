"""The chart: the same work in several ways, a panel each."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

from .harness import Panel

# There may be no screen.
mpl.use("svg")

from matplotlib import pyplot as plt

_OURS, _OTHERS = "#0b7285", "#adb5bd"
_COLUMNS = 2


def draw(panels: Sequence[Panel], machine: Mapping[str, str], path: Path) -> None:
    """Write an SVG; nothing where there is nothing to draw."""
    if not panels:
        return
    lines = -(-len(panels) // _COLUMNS)
    # The same figures give the same file, so that a version control shows what has changed.
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "font.size": 9}):
        figure, axes = plt.subplots(lines, _COLUMNS, figsize=(11, 1.9 * lines), squeeze=False, layout="constrained")
        for axis, panel in zip(axes.flat, panels, strict=False):
            _draw_panel(axis, panel)
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        figure.suptitle(f"{machine['machine']}; {machine['python']}; {machine['date']}", fontsize=8, color="#495057")
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _draw_panel(axis: plt.Axes, panel: Panel) -> None:
    names = list(panel.ways)[::-1]
    medians = [statistics.median(panel.ways[name]) for name in names]
    below = [median - min(panel.ways[name]) for name, median in zip(names, medians, strict=True)]
    above = [max(panel.ways[name]) - median for name, median in zip(names, medians, strict=True)]
    # The first way is ours in every panel; the first bar stands at the bottom.
    colors = [*[_OTHERS] * (len(names) - 1), _OURS]
    bars = axis.barh(names, medians, xerr=[below, above], color=colors, error_kw={"ecolor": "#495057", "lw": 0.8})
    axis.bar_label(bars, [f" {median:,.3g}" if median < 1000 else f" {median:,.0f}" for median in medians], padding=6)
    axis.set_title(panel.title, loc="left", fontsize=10)
    axis.set_xlabel(panel.unit)
    # The bars have their figures beside them.
    axis.set_xticks([])
    axis.margins(x=0.18)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
