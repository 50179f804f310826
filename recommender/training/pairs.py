"""Training pairs: two texts and how far they belong together; which side of the split each is on; what leaks.

Articles are split by story: two of one running story, two that a judgment calls one story, and two whose texts are
nearly the same stand on one side. A pair of articles on both sides is in neither.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from recommender.articles.shingles import SAME_TEXT, shingles
from recommender.errors import InvalidInput

TITLE_BODY, LEAD_LATER, LINK = "title-body", "lead-later", "link"
APPROVAL, REJECTION, GRADE, CLICK = "approval", "rejection", "grade", "click"
UNLABELLED = (TITLE_BODY, LEAD_LATER)  # within one article: no label has to say that they belong together
KINDS = (*UNLABELLED, LINK, APPROVAL, REJECTION, GRADE, CLICK)
TRAIN, TEST = "train", "test"
SIDES = (TRAIN, TEST)

FORMAT = "recommender training data 1"
SAMPLED = 4  # one shingle of so many is looked at, always the same ones (Broder 1997, sampling modulo)
MIN_SHINGLES = 4  # sampled ones of a text: fewer say nothing
COMMON = 50  # a shingle of more texts than this is a standing phrase, such as a closing line


@dataclass(frozen=True)
class TextPair:
    """Two texts, the articles they come from (one and the same for UNLABELLED), and how far they belong together.

    `label` is in [0, 1]: 1 for what belongs together, 0 for what does not.
    """

    kind: str
    side: str
    source: str
    target: str
    label: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Split:
    """The story of each article, by the first id in it, and the stories that are kept aside for testing."""

    stories: Mapping[str, str]
    tested: frozenset[str]

    def side(self, article: str) -> str:
        """TRAIN or TEST."""
        return TEST if self.stories[article] in self.tested else TRAIN

    def side_of_pair(self, source: str, target: str) -> str | None:
        """The side of a pair; None where its articles stand on both."""
        side = self.side(source)
        return side if side == self.side(target) else None


def split(articles: Sequence[str], together: Iterable[tuple[str, str]], share: float, seed: int) -> Split:
    """A split by story, where all pairs of articles in `together` are of one story; equal input, equal split.

    About `share` of the articles are tested: stories are drawn until there are so many, and at least one story is left
    on each side. Raises InvalidInput where there are fewer than two stories.
    """
    stories = joined(articles, together)
    sizes = Counter(stories.values())
    if len(sizes) < 2:
        raise InvalidInput("All articles are of one story; training and testing need two or more.")
    names = sorted(sizes)
    tested: list[str] = []
    for place in np.random.default_rng(seed).permutation(len(names))[:-1].tolist():
        if sum(sizes[story] for story in tested) >= share * len(stories):
            break
        tested.append(names[place])
    return Split(stories, frozenset(tested))


def joined(articles: Iterable[str], together: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The group of each article, by the first id in it: articles joined, directly or through others, are one group."""
    group = {article: article for article in articles}

    def top(article: str) -> str:
        while group[article] != article:
            group[article] = article = group[group[article]]
        return article

    for first, second in together:
        if first in group and second in group:
            earlier, later = sorted((top(first), top(second)))
            group[later] = earlier
    return {article: top(article) for article in group}


def alike(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of names where a text shares SAME_TEXT of its shingles with a longer one. Each pair once, sorted."""
    sampled = {name: _sampled(text) for name, text in texts.items()}
    holders: defaultdict[int, list[str]] = defaultdict(list)
    for name in sorted(sampled):
        if len(sampled[name]) >= MIN_SHINGLES:
            for shingle in sampled[name]:
                holders[shingle].append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in holders.values():
        if len(names) <= COMMON:
            shared.update((name, other_name) for place, name in enumerate(names) for other_name in names[place + 1 :])
    return sorted(
        (name, other_name)
        for (name, other_name), count in shared.items()
        if count >= SAME_TEXT * min(len(sampled[name]), len(sampled[other_name]))
    )


def _sampled(text: str) -> set[int]:
    return {shingle for shingle in shingles(text) if shingle % SAMPLED == 0}


def leaks(
    pairs: Sequence[TextPair],
    stories: Mapping[str, str],
    posted: Mapping[str, datetime],
    until: datetime | None,
) -> list[str]:
    """What is wrong with a split, in sentences; empty where training has seen nothing of the test, or of later.

    It looks at the pairs themselves: stories on both sides, texts of training that are nearly a text of the test, and
    articles without a date or dated later than `until`.

    Parameters
    ----------
    pairs : sequence of TextPair
        Of both sides.
    stories : mapping of str to str
        The story of each article, by ids.
    posted : mapping of str to datetime
        When each article was published.
    until : datetime or None
        The cut-off date; None asks for no date.

    Returns
    -------
    list of str
        A sentence for each leak.
    """
    sides = {side: [pair for pair in pairs if pair.side == side] for side in SIDES}
    by_side = {
        side: {article for pair in members for article in (pair.source, pair.target)} for side, members in sides.items()
    }
    both = {stories[article] for article in by_side[TRAIN]} & {stories[article] for article in by_side[TEST]}
    problems = [f"The story of {story} is on both sides." for story in sorted(both)]
    problems += [
        f"A text of {article} in training is nearly a text of {other_article} in the test."
        for article, other_article in sorted(set(copies(pairs).values()))
    ]
    if until is not None:
        late = sorted(
            article for article in by_side[TRAIN] | by_side[TEST] if article not in posted or posted[article] > until
        )
        problems += [f"{article} is not known to be of {until:%Y-%m-%d} or earlier." for article in late]
    return problems


def copies(pairs: Sequence[TextPair]) -> dict[str, tuple[str, str]]:
    """Texts of training that are nearly a text of the test: the article that each is of, and the one of the test."""
    owners: dict[tuple[str, str], str] = {}
    for pair in pairs:
        owners.setdefault((pair.side, pair.anchor), pair.source)
        owners.setdefault((pair.side, pair.text), pair.target)
    keys = sorted(owners)
    texts = {str(place): text for place, (_, text) in enumerate(keys)}
    copied: dict[str, tuple[str, str]] = {}
    for first, second in alike(texts):
        sides = {keys[int(name)][0]: keys[int(name)] for name in (first, second)}
        if len(sides) == len(SIDES):
            copied.setdefault(sides[TRAIN][1], (owners[sides[TRAIN]], owners[sides[TEST]]))
    return copied


def counts(pairs: Iterable[TextPair]) -> dict[str, dict[str, int]]:
    """How many pairs of each kind there are on each side; kinds without any are left out.

    Parameters
    ----------
    pairs : iterable of TextPair
        Such as `collect(store, Request()).pairs`.

    Returns
    -------
    dict of str to dict of str to int
        By kind of pair, then by side ("train", "test").
    """
    numbers = Counter((pair.kind, pair.side) for pair in pairs)
    return {
        kind: {side: numbers[kind, side] for side in SIDES}
        for kind in KINDS
        if any(numbers[kind, side] for side in SIDES)
    }


# -- the file ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """The archive that pairs come from: days of its first and last dated article, how many, and the split's seed."""

    first: str | None
    last: str | None
    articles: int
    seed: int


def lines(window: Window, pairs: Iterable[TextPair]) -> Iterable[str]:
    """The file's lines: a head that says what it is, then one pair each, as JSON."""
    yield json.dumps({"format": FORMAT, **asdict(window)}, ensure_ascii=False)
    for pair in pairs:
        yield json.dumps(asdict(pair), ensure_ascii=False)


def parse(text: Iterable[str], name: str) -> tuple[Window, list[TextPair]]:
    """What `lines` wrote. Raises InvalidInput with the line that is wrong."""
    head: Window | None = None
    pairs: list[TextPair] = []
    for number, line in enumerate(text, start=1):
        try:
            record = json.loads(line)
            if head is None:
                head = _head(record)
            else:
                pairs.append(_pair(record))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidInput(
                f"{name}, line {number}: no training data ({error}); write it with `recommender training-data`"
            ) from error
    if head is None:
        raise InvalidInput(f"{name} is empty; write it with `recommender training-data`")
    return head, pairs


def _head(record: Any) -> Window:
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise ValueError(f"its head is not of the format {FORMAT!r}")
    return Window(**record)


def _pair(record: Any) -> TextPair:
    pair = TextPair(**record)
    texts: Collection[object] = (pair.source, pair.target, pair.anchor, pair.text)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("source, target, anchor and text are texts")
    if pair.kind not in KINDS or pair.side not in SIDES:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, side one of {', '.join(SIDES)}")
    label: Any = pair.label
    if isinstance(label, bool) or not isinstance(label, int | float) or not 0 <= label <= 1:
        raise ValueError(f"label is a number from 0 to 1, not {label!r}")
    return pair
