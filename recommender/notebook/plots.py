"""Pictures for the notebooks, by matplotlib: plain, labelled, readable without colour."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recommender.evaluation.evaluation import Estimate
from recommender.evaluation.exposure import GroupExposure
from recommender.notebook.tables import StoryMap
from recommender.ranking.scoring import PARTS, RankingModel
from recommender.release.cards import ModelCard

INK = "#1c2a5a"
PALE = "#b9bfd3"
SIZE = (8.0, 4.0)  # inches
MAP_SIZE = (9.0, 7.0)
PAPER = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1.0}
LABELLED = 12  # stories with their name on the map


class Picture:
    """A figure as a notebook shows it, when it is the last line of a cell.

    Parameters
    ----------
    figure : Figure
        Of matplotlib, made without pyplot.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        FigureCanvasAgg(self.figure).print_png(stream)  # type: ignore[no-untyped-call]  # matplotlib has no type here
        return stream.getvalue()


def bars(counts: Mapping[str, int] | Mapping[int, int], title: str, most: int = 15) -> Picture:
    """Counts as horizontal bars, as many as `most`, the first on top.

    Parameters
    ----------
    counts : mapping of str or int to int
        The numbers by name, in the order to be drawn.
    title : str
        Stands above the picture, on the left.
    most : int
        How many bars are drawn; 15 if left out.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    names = [str(name) for name in counts][:most]
    values = list(counts.values())[:most]
    axes.bar_label(axes.barh(names[::-1], values[::-1], color=INK), padding=3)
    return Picture(figure)


def histogram(values: Sequence[float], title: str, label: str, bins: int = 30) -> Picture:
    """How values spread.

    Parameters
    ----------
    values : sequence of float
        What is counted.
    title : str
        Stands above the picture, on the left.
    label : str
        What the values are, with their unit; stands below.
    bins : int
        How many bars; 30 if left out.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    axes.hist(values, bins=bins, color=INK)
    axes.set_xlabel(label)
    return Picture(figure)


def estimates(table: Mapping[str, Estimate], title: str) -> Picture:
    """Means with their 95 % intervals, one line each.

    Parameters
    ----------
    table : mapping of str to Estimate
        Means with `low` and `high`, by name, the first on top.
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    names = list(table)[::-1]
    means = np.array([table[name].mean for name in names])
    lows = means - np.array([table[name].low for name in names])
    highs = np.array([table[name].high for name in names]) - means
    axes.errorbar(means, names, xerr=np.stack([lows, highs]), fmt="o", color=INK, capsize=3)
    axes.grid(axis="x", color=PALE, linewidth=0.5)
    return Picture(figure)


def figures(cards: Sequence[ModelCard], measure: str, title: str) -> Picture:
    """A measure of every set of queries on some cards, with its interval.

    Parameters
    ----------
    cards : sequence of ModelCard
        Cards of model versions; what a card lacks is left out.
    measure : str
        Such as "nDCG@3".
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    return estimates(
        {
            f"{card.name}: {name}": Estimate(**sets[measure])
            for card in cards
            for name, sets in card.metrics.items()
            if measure in sets
        },
        title,
    )


def weights(models: Mapping[str, RankingModel], title: str) -> Picture:
    """The weights of the parts of some ranking models, side by side.

    Parameters
    ----------
    models : mapping of str to RankingModel
        One or more, by the name in the legend.
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    height = 0.8 / len(models)
    for place, (name, model) in enumerate(models.items()):
        rows = np.arange(len(PARTS))[::-1] - place * height
        hatch, face = (("", INK), ("//", PALE))[place % 2]
        axes.barh(rows, [model.weights[part] for part in PARTS], height, label=name, color=face, hatch=hatch)
    axes.set_yticks(np.arange(len(PARTS))[::-1] - 0.4 + height / 2, PARTS)
    axes.legend(frameon=False)
    return Picture(figure)


def calibration(bins: Sequence[Mapping[str, float]], title: str) -> Picture:
    """Mean score against the share that is related, a point for each range; on the diagonal both are equal.

    Parameters
    ----------
    bins : sequence of mapping of str to float
        A range of scores each: `score`, its mean, and `related`, the share that is related, both 0 to 1.
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    axes.plot([row["score"] for row in bins], [row["related"] for row in bins], "o-", color=INK)
    axes.plot([0, 1], [0, 1], ":", color=INK)
    axes.set_xlabel("mean score")
    axes.set_ylabel("share that is related")
    return Picture(figure)


def lines(series: Mapping[str, Sequence[tuple[float, float]]], title: str, x: str, y: str) -> Picture:
    """Points (x, y) joined to lines, one style each.

    Parameters
    ----------
    series : mapping of str to sequence of (float, float)
        Points by the name in the legend.
    title : str
        Stands above the picture, on the left.
    x, y : str
        What the axes show, with their units.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    for (name, points), style in zip(series.items(), ("-o", "--s", ":^", "-.v") * len(series), strict=False):
        axes.plot([x_value for x_value, _ in points], [y_value for _, y_value in points], style, label=name, color=INK)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(frameon=False)
    return Picture(figure)


def shares(groups: Sequence[GroupExposure], title: str, most: int = 15) -> Picture:
    """The share of each group that is shown somewhere, with the size of the group; the first `most` groups.

    Parameters
    ----------
    groups : sequence of GroupExposure
        As `recommender.notebook.shares` gives them.
    title : str
        Stands above the picture, on the left.
    most : int
        How many groups are drawn; 15 if left out.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    listed = groups[:most][::-1]
    drawn = axes.barh(
        [group.name for group in listed], [group.shown / max(group.articles, 1) for group in listed], color=INK
    )
    axes.bar_label(drawn, [f"{group.shown} of {group.articles}" for group in listed], padding=3)
    axes.set_xlim(0, 1.15)
    return Picture(figure)


def lorenz(counts: Sequence[float], title: str) -> Picture:
    """Which share of the places in sidebars the least shown articles have; the diagonal is perfect evenness.

    Parameters
    ----------
    counts : sequence of float
        In how many sidebars each article stands, 0 or more.
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title)
    ordered = np.sort(np.asarray(counts, dtype=np.float64))
    share = np.concatenate([[0.0], np.cumsum(ordered) / max(ordered.sum(), 1.0)])
    axes.plot(np.linspace(0, 1, len(share)), share, "-", color=INK)
    axes.plot([0, 1], [0, 1], ":", color=INK)
    axes.set_xlabel("share of the articles, the least shown first")
    axes.set_ylabel("share of the places")
    return Picture(figure)


def story_map(archive: StoryMap, title: str) -> Picture:
    """The archive as a map: the largest stories stand out and are named.

    Parameters
    ----------
    archive : StoryMap
        As `recommender.notebook.story_map` gives it.
    title : str
        Stands above the picture, on the left.

    Returns
    -------
    Picture
        Shown where it is the last line of a cell.
    """
    figure, axes = _axes(title, MAP_SIZE)
    axes.set_axis_off()
    named = list(archive.stories)[:LABELLED]
    alone = [place for place in archive.places if place.story not in named]
    axes.scatter([place.x for place in alone], [place.y for place in alone], s=10, color=PALE)
    for number, story in enumerate(named):
        members = [place for place in archive.places if place.story == story]
        x, y = [place.x for place in members], [place.y for place in members]
        axes.scatter(x, y, s=22, color=f"C{number % 10}", marker="os^vD"[number % 5])
        middle = float(np.mean(x)), float(np.mean(y))
        axes.annotate(archive.stories[story], middle, fontsize=8, ha="center", bbox=PAPER)
    return Picture(figure)


def _axes(title: str, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
