"""Running stories: chains of articles that belong together, found by joining the most similar ones."""

from collections.abc import Iterable, Mapping

# Links below this score do not count. Mean link between two groups from which they are one story; both were chosen on
# the pairs of the sample that are graded 3 or better ("the same running story"), see docs/explanation/quality.md.
MIN_LINK = 0.5
JOIN = 0.6

Link = tuple[float, int, int]


def join(numbers: Iterable[int], links: Iterable[Link]) -> dict[int, int]:
    """The story of each article, by the smallest number in it, its own where it stands alone.

    Average linkage over the links given, (score, article, other): the strongest come first, and two groups become one
    where the mean over all their pairs is JOIN or more; a pair without a link counts 0. So a story does not extend
    from neighbour to neighbour into another one.
    """
    strengths: dict[tuple[int, int], float] = {}
    for score, article, other in links:
        if score >= MIN_LINK and article != other:
            key = (min(article, other), max(article, other))
            strengths[key] = max(score, strengths.get(key, 0.0))
    group = {number: number for number in numbers}
    members = {number: [number] for number in group}
    sums: dict[int, dict[int, float]] = {number: {} for number in group}
    for (article, other), score in strengths.items():
        sums[article][other] = sums[other][article] = score
    for article, other in sorted(strengths, key=lambda key: (-strengths[key], key)):
        first, second = group[article], group[other]
        if first == second or sums[first][second] < JOIN * len(members[first]) * len(members[second]):
            continue
        story, absorbed = (first, second) if len(members[first]) >= len(members[second]) else (second, first)
        for number in members[absorbed]:
            group[number] = story
        members[story] += members.pop(absorbed)
        for neighbour, strength in sums.pop(absorbed).items():
            del sums[neighbour][absorbed]
            if neighbour != story:
                sums[story][neighbour] = sums[neighbour][story] = sums[story].get(neighbour, 0.0) + strength
    named = {story: min(joined) for story, joined in members.items()}
    return {number: named[story] for number, story in group.items()}


def joined_story(number: int, links: Iterable[Link], stories: Mapping[int, int], sizes: Mapping[int, int]) -> int:
    """The story that a new article joins by its links, or its own number."""
    sums: dict[int, float] = {}
    for score, _, other in links:
        if score >= MIN_LINK and other in stories:
            sums[stories[other]] = sums.get(stories[other], 0.0) + score
    means = {story: total / sizes[story] for story, total in sums.items()}
    best = max(means, key=lambda story: (means[story], -story), default=number)
    return best if means.get(best, 0.0) >= JOIN else number
