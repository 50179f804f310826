"""Which articles are public at a time, as SQL; `ArticleStore` says what that means."""

import math
from datetime import datetime

import sqlalchemy as sa

from recommender.store.sql.tables import article

LISTED = (article.c.status == "published") & sa.not_(article.c.is_held)
# Takes `at`, as `second` gives it.
PUBLIC = LISTED & (article.c.posted.is_(None) | (article.c.posted <= sa.bindparam("at", type_=sa.BigInteger)))


def second(at: datetime) -> int:
    """The last second that has begun at a time: dates of articles are whole seconds."""
    return math.floor(at.timestamp())
