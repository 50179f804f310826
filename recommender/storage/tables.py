"""The tables. `migrations/` holds their history; a test checks that both say the same."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row. `revision` counts every visible change: a worker whose copy has the same number is up to date.
state = sa.Table(
    "state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("live_generation", sa.Integer, nullable=True),
)

# `number` is the article's short name inside neighbour lists. `posted` is in seconds since 1970, UTC.
# `is_held`, `is_update` and `url_key` are derived from other columns so that ranking needs no text.
article = sa.Table(
    "article",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("url_key", sa.Text, index=True),
    sa.Column("posted", sa.BigInteger),
    sa.Column("edition", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("countries", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("read_count", sa.BigInteger, nullable=False),
    sa.Column("image_url", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("flags", sa.JSON, nullable=False),
    sa.Column("is_held", sa.Boolean, nullable=False),
    sa.Column("is_update", sa.Boolean, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("text_hash", sa.Text, nullable=False, index=True),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,  # a number is never given twice, as on PostgreSQL
)

# A vector belongs to a model and a text, not to an article: a text that comes back is not embedded again.
embedding = sa.Table(
    "embedding",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("text_hash", sa.Text, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)

# `built` is in seconds since 1970, `revision` that of the store when the build began. `scales` is JSON;
# `recipe` names what else the build was made with.
generation = sa.Table(
    "generation",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("geometry", sa.LargeBinary, nullable=False),
    sa.Column("scales", sa.Text, nullable=False),
    sa.Column("lexical", sa.LargeBinary, nullable=False),
    sa.Column("built", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sqlite_autoincrement=True,  # a build that was swept away must not find its number on another
)

# The neighbour table: one row per article and generation. A row with an empty `text_hash` says that the article left;
# `names` are keys of the gazetteer, the most telling first; `story` is the number of the first article of its running
# story, its own where it has none; `demand` says among how many articles' best candidates it is, `shown` in how many
# prepared sidebars it stands; `prepared` is a finished answer, where there is one.
neighbour = sa.Table(
    "neighbour",
    metadata,
    sa.Column("generation", sa.Integer, sa.ForeignKey("generation.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("text_hash", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("candidates", sa.LargeBinary, nullable=False),
    sa.Column("names", sa.Text, nullable=False),
    sa.Column("story", sa.Integer, nullable=False),
    sa.Column("demand", sa.Integer, nullable=False, default=0),
    sa.Column("shown", sa.Integer, nullable=False, default=0),
    sa.Column("prepared", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("ix_neighbour_revision", "generation", "revision"),
    sa.Index("ix_neighbour_story", "generation", "story"),
)
