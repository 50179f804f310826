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
# `previous_generation` is what a rollback goes back to, `shadow_generation` that of a shadow run.
state = sa.Table(
    "state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("live_generation", sa.Integer, nullable=True),
    sa.Column("previous_generation", sa.Integer, nullable=True),
    sa.Column("shadow_generation", sa.Integer, nullable=True),
)

# `number` is the article's short name inside neighbour lists. `posted` is in seconds since 1970, UTC.
# `is_held`, `is_update` and `url_key` are derived from other columns so that ranking needs no text. `page` is the
# lowest number of the articles that share an address with it, null where none does; `updated` in seconds since 1970.
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
    sa.Column("image_url", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("flags", sa.JSON, nullable=False),
    sa.Column("is_held", sa.Boolean, nullable=False),
    sa.Column("is_update", sa.Boolean, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("text_hash", sa.Text, nullable=False, index=True),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sa.Column("aliases", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("page", sa.Integer, index=True),
    sa.Column("updated", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("read_count", sa.BigInteger),
    sqlite_autoincrement=True,  # a number is never given twice, as on PostgreSQL
)

# The keys of an article's further addresses.
alias = sa.Table(
    "alias",
    metadata,
    sa.Column("article", sa.Integer, sa.ForeignKey("article.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Index("ix_alias_key", "key"),
)

# A vector belongs to an embedding model and a text, not to an article: a text that comes back is not embedded again.
embedding = sa.Table(
    "embedding",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("text_hash", sa.Text, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),
)

# `built` is in seconds since 1970, `revision` that of the store when the build began. `scales` is JSON;
# `recipe` names what else the build was made with. `release` is the model version, NAME/VERSION, and `ranking` its
# weights as JSON; both are null in a generation that was built before there were versions. `reranker` is the version of
# the reader of both texts whose verdicts it shows, null where it shows none.
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
    sa.Column("release", sa.Text),
    sa.Column("ranking", sa.Text),
    sa.Column("reranker", sa.Text),
    sqlite_autoincrement=True,  # a build that was swept away must not find its number on another
)

# The neighbour table: one row per article and generation. A row with an empty `text_hash` says that the article left;
# `names` are keys of the gazetteer, the most telling first; `story` is the number of the first article of its running
# story, its own where it has none; `demand` says among how many articles' best candidates it is, `shown` in how many
# prepared sidebars it stands; `prepared` is a finished answer, where there is one. `grades` are those of a reader for
# the candidates, apart from them, since a page view reads one list of grades and many of candidates.
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
    sa.Column("grades", sa.LargeBinary),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Index("ix_neighbour_revision", "generation", "revision"),
    sa.Index("ix_neighbour_story", "generation", "story"),
)

# What a reader of both texts has said, by its version and the hashes of what it was given. They belong to texts, not to
# articles: what was read once is not read again. `grade` is null where it said nothing.
verdict = sa.Table(
    "verdict",
    metadata,
    sa.Column("reranker", sa.Text, primary_key=True),
    sa.Column("article", sa.Text, primary_key=True),
    sa.Column("candidate", sa.Text, primary_key=True),
    sa.Column("grade", sa.Float),
    sa.Column("reason", sa.Text, nullable=False),
)

# When a reader last gave no answer, and what was said of it. Times are in milliseconds.
reader_failure = sa.Table(
    "reader_failure",
    metadata,
    sa.Column("reranker", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

# -- the editors' desk. Its times are in milliseconds since 1970, UTC.

# `folded` is the name without case: two names that differ in nothing else are one. `password` is a hash. `factor` is
# the secret of a second factor, in force since `factor_since`; `factor_step` is the time step of the last code of it
# that was used. Failures up to `told` have been told to the holder.
account = sa.Table(
    "account",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password", sa.Text),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("factor", sa.Text),
    sa.Column("factor_since", sa.BigInteger),
    sa.Column("factor_step", sa.BigInteger),
    sa.Column("told", sa.BigInteger),
    sqlite_autoincrement=True,
)

# `token` is a hash: a reader of the database cannot sign in with it. A session that is `pending` waits for the second
# factor, and opens nothing.
session = sa.Table(
    "session",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),
    sa.Column("account", sa.Integer, sa.ForeignKey("account.number", ondelete="CASCADE"), nullable=False),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()),
)

# What lets in without the second factor, once each; `code` is a hash.
recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("account", sa.Integer, sa.ForeignKey("account.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("used", sa.BigInteger),
)

# Failed attempts to sign in. `account` is null where there is none of the name, `browser` empty for an unknown one.
failure = sa.Table(
    "failure",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("account", sa.Integer, sa.ForeignKey("account.number", ondelete="CASCADE")),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("browser", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("counts", sa.Boolean, nullable=False),
    sa.Index("ix_failure_account", "account", "at"),
    sa.Index("ix_failure_address", "address", "at"),
    sqlite_autoincrement=True,
)

link = sa.Table(
    "link",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),
    sa.Column("account", sa.Integer, sa.ForeignKey("account.number", ondelete="CASCADE"), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("used", sa.BigInteger),
)

# Keys of programs. `digest` is a hash of the whole key; `used` is written once an hour at the most.
api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),
    sa.Column("ended", sa.BigInteger),
    sa.Column("used", sa.BigInteger),
)

# Made at the first use, so that no secret has a default.
secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# Triggers of migrations 0003 and 0010 refuse every change, removal and replacement. `request` names the request that an
# entry comes from, so that one sent twice leaves one entry; `hash` is that of the entry and of the hash before.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("article", sa.Integer, index=True),
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, unique=True),
    sa.Column("hash", sa.Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

# Signals and policies. `source` and `target` are article numbers; a row is ended, and never changed otherwise.
# `revision` is that of its last change.
signal = sa.Table(
    "signal",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Integer, index=True),
    sa.Column("target", sa.Integer, index=True),
    sa.Column("slot", sa.Integer),
    sa.Column("factor", sa.Float),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),
    sa.Column("ended", sa.BigInteger),
    sa.Column("ended_by", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)

review = sa.Table(
    "review",
    metadata,
    sa.Column("article", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
)

# Which editor is looking at an article, and when last.
look = sa.Table(
    "look",
    metadata,
    sa.Column("article", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("by", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)

# What was shown beside an article from `at` on. The last of each source is `current`.
sidebar = sa.Table(
    "sidebar",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("doubt", sa.Float, nullable=False),
    sa.Column("fallbacks", sa.Integer, nullable=False),
    sa.Column("teasers", sa.Integer, nullable=False),
    sa.Column("served", sa.Boolean, nullable=False),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Index("ix_sidebar_source", "source", "at"),
    # All that the queue asks of every article, without its document.
    sa.Index("ix_sidebar_current", "current", "source", "digest", "doubt", "fallbacks", "teasers"),
    sqlite_autoincrement=True,
)

sidebar_item = sa.Table(
    "sidebar_item",
    metadata,
    sa.Column("sidebar", sa.Integer, sa.ForeignKey("sidebar.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("target", sa.Integer, nullable=False, index=True),
)

panel = sa.Table(
    "panel",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("release", sa.Text),
    sqlite_autoincrement=True,
)

# `shown` and `pool` are lists of article numbers.
panel_sidebar = sa.Table(
    "panel_sidebar",
    metadata,
    sa.Column("panel", sa.Integer, sa.ForeignKey("panel.number", ondelete="CASCADE"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("shown", sa.JSON, nullable=False),
    sa.Column("pool", sa.JSON, nullable=False),
)

# `target` is null where the sidebar as a whole is graded. The last row of a grader for a pair counts.
grade = sa.Table(
    "grade",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("panel", sa.Integer, sa.ForeignKey("panel.number", ondelete="CASCADE"), nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("target", sa.Integer),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Column("grader", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_grade_panel", "panel", "source"),
    sqlite_autoincrement=True,
)

# What the live model version and that of a shadow run would show beside an article, as lists of article numbers.
shadow_sidebar = sa.Table(
    "shadow_sidebar",
    metadata,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("article", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("live", sa.JSON, nullable=False),
    sa.Column("shadow", sa.JSON, nullable=False),
)

# An interleaving run: a model version (`challenger`) shares the sidebars with the live one. Times are in milliseconds.
trial = sa.Table(
    "trial",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("live", sa.Text, nullable=False),
    sa.Column("challenger", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),
    sqlite_autoincrement=True,
)

# The teasers of the answers of an interleaving run: `request` names the answer, `hour` counts from 1970, `team` is null
# for what neither version chose. Of readers only the number of clicks is stored.
trial_teaser = sa.Table(
    "trial_teaser",
    metadata,
    sa.Column("request", sa.Text, primary_key=True),
    sa.Column("target", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("trial", sa.Integer, sa.ForeignKey("trial.number", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("article", sa.Integer, nullable=False),
    sa.Column("hour", sa.Integer, nullable=False),
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("team", sa.Text),
    sa.Column("clicks", sa.Integer, nullable=False),
)
