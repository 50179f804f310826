"""Why a candidate is another reason to read on."""

import numpy as np

from recommender.ranking.candidates import CandidateArray
from recommender.ranking.facts import ANGLE, BACKGROUND, LATEST, Columns, SourceArticle
from recommender.ranking.scoring import DAY

BACKGROUND_SECONDS = 30 * DAY  # an article of the same story that is older says what came before
OTHER_PLACE = 0.5  # of the countries of two articles less is shared


def roles_of(rows: CandidateArray, facts: Columns, source: SourceArticle, roles: frozenset[str]) -> list[str | None]:
    """Why each candidate is another reason to read on; None where it is none of `roles`.

    `latest`: newer, of the same running story. `background`: explains, or says what came before in the same story.
    `angle`: from another place or under another byline, where both bylines are known.
    """
    story = facts.story == source.story
    other_byline = (facts.byline != source.byline) & (facts.byline >= 0) & (source.byline >= 0)
    with np.errstate(invalid="ignore"):
        reasons = {
            LATEST: story & (facts.posted > source.posted),
            BACKGROUND: facts.explains | (story & (facts.posted < source.posted - BACKGROUND_SECONDS)),
            ANGLE: (rows["places"] < OTHER_PLACE) | other_byline,
        }
    assigned: list[str | None] = [None] * len(rows)
    for role in (ANGLE, BACKGROUND, LATEST):  # the last one counts
        if role in roles:
            for place in np.flatnonzero(reasons[role]).tolist():
                assigned[place] = role
    return assigned
