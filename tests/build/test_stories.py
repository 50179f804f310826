"""Which articles are one running story."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.build.stories import JOIN, MIN_LINK, Link, join, joined_story

SURE = 0.9
NUMBERS = range(1, 9)
links_among = st.lists(
    st.tuples(
        st.sampled_from([0.2, MIN_LINK, JOIN, 0.7, 0.8, SURE]), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)
    ),
    max_size=24,
)


def mean(group: list[int], other_group: list[int], links: list[Link]) -> float:
    """The mean link between two groups, worked out the long way."""
    best = {
        frozenset([first, second]): max(s for s, *ends in links if set(ends) == {first, second})
        for score, first, second in links
        if first != second and score >= MIN_LINK
    }
    return (
        sum(best.get(frozenset([first, second]), 0.0) for first in group for second in other_group)
        / len(group)
        / len(other_group)
    )


@given(links_among)
def test_every_story_bears_its_smallest_number(links: list[Link]) -> None:
    story = join(NUMBERS, links)
    assert set(story) == set(NUMBERS)
    for name in set(story.values()):
        assert name == min(number for number, other in story.items() if other == name)


@given(links_among, st.randoms())
def test_order_of_links_changes_nothing(links: list[Link], random) -> None:  # type: ignore[no-untyped-def]
    turned = [(score, other, article) for score, article, other in links]
    random.shuffle(turned)
    assert join(NUMBERS, turned) == join(NUMBERS, links)


@given(links_among)
def test_stories_left_apart_are_unlike(links: list[Link]) -> None:
    """Whatever was joined in between: no two stories remain whose mean link would join them."""
    groups: dict[int, list[int]] = {}
    for number, story in join(NUMBERS, links).items():
        groups.setdefault(story, []).append(number)
    for story, group in groups.items():
        for other in (members for key, members in groups.items() if key > story):
            assert mean(group, other, links) < JOIN + 1e-9


def test_articles_without_links_stand_alone() -> None:
    assert join([3, 5], []) == {3: 3, 5: 5}


@pytest.mark.parametrize(("score", "story"), [(JOIN, 3), (JOIN - 0.001, 5)])
def test_two_articles_need_a_link_of_join(score: float, story: int) -> None:
    assert join([3, 5], [(score, 3, 5)]) == {3: 3, 5: story}


def test_stronger_of_two_directions_counts() -> None:
    assert join([3, 5], [(MIN_LINK, 3, 5), (SURE, 5, 3)]) == {3: 3, 5: 3}


def test_links_with_oneself_mean_nothing() -> None:
    assert join([3, 5], [(SURE, 3, 3)]) == {3: 3, 5: 5}


def test_stories_do_not_run_from_neighbour_to_neighbour() -> None:
    # 1-2 and 3-4 are pairs; one strong link between 2 and 3 is a quarter of the four that a story would need.
    links = [(0.95, 1, 2), (0.95, 3, 4), (SURE, 2, 3)]
    assert join([1, 2, 3, 4], links) == {1: 1, 2: 1, 3: 3, 4: 3}


def test_groups_join_by_their_mean_link() -> None:
    three_of_four = JOIN * 4 / 3 + 0.001
    links = [
        (0.95, 1, 2),
        (0.95, 3, 4),
        *((three_of_four, article, other) for article, other in [(1, 3), (1, 4), (2, 3)]),
    ]
    assert join([1, 2, 3, 4], links) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert join([1, 2, 3, 4], links[:-1]) == {1: 1, 2: 1, 3: 3, 4: 3}


def test_weak_links_count_as_none() -> None:
    # The mean of the two would be JOIN; but the weak one is none, and half of the other is too little.
    weak = MIN_LINK - 0.001
    assert join([1, 2, 3], [(0.95, 1, 2), (2 * JOIN - weak, 1, 3), (weak, 2, 3)]) == {1: 1, 2: 1, 3: 3}


# -- newcomers ---------------------------------------------------------------------------------------------------------


STORIES = {1: 1, 2: 1, 3: 3, 4: 4, 5: 4}


def joined(*links: tuple[float, int]) -> int:
    """The story that article 9 joins by its links."""
    return joined_story(9, [(score, 9, other) for score, other in links], STORIES, Counter(STORIES.values()))


def test_newcomer_joins_by_mean_link() -> None:
    assert joined((JOIN + 0.1, 1), (JOIN - 0.09, 2)) == 1
    assert joined((JOIN + 0.1, 1), (JOIN - 0.11, 2)) == 9
    assert joined((JOIN, 3)) == 3


def test_one_link_into_large_stories_is_not_enough() -> None:
    assert joined((JOIN * 1.9, 1)) == 9


def test_newcomer_joins_the_nearest_story() -> None:
    assert joined((0.65, 1), (0.65, 2), (0.7, 3)) == 3
    assert joined((0.75, 1), (0.75, 2), (0.7, 3)) == 1


def test_equally_near_stories_favour_the_smaller() -> None:
    assert joined((0.75, 4), (0.75, 5), (0.75, 3)) == 3


def test_weak_or_unknown_links_are_left_out() -> None:
    weak = MIN_LINK - 0.001
    assert joined((weak, 1), (2 * JOIN - weak, 2)) == 9
    assert joined((SURE, 77)) == 9


def test_newcomer_without_links_stands_alone() -> None:
    assert joined() == 9
