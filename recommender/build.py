"""Use case: embed what is new, compute neighbours, switch generations; or take in a few articles at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from recommender.article import Article
from recommender.errors import InvalidInput, NotBuilt, Unavailable
from recommender.interfaces import (
    Embedder,
    Found,
    Member,
    NeighbourRow,
    NewGeneration,
    Progress,
    Stale,
    Store,
    Toolbox,
    Vectors,
    quiet,
)
from recommender.neighbours import Frame, LiveNeighbours, best_of, story_links
from recommender.ranking import Ranker
from recommender.scoring import RankingModel
from recommender.stories import LEAST_LINK, Link, join
from recommender.terms import TermRow
from recommender.vectors import TRUST_ARTICLES, Centres, Geometry, article_vectors, trust, vector_version

# Vectors are written after so many articles: an interrupted build loses seconds of work, and sorting by length still
# finds passages enough to fill batches without padding.
EMBED_AT_ONCE = 256
WRITE_AT_ONCE = 500
UPDATE_AT_ONCE = 256  # articles that one update takes in: the others who write wait for it
# Beyond this share of changes the word weights and the centre are worth learning anew.
REBUILD_SHARE = 0.1
REBUILD_LEAST = 50
# New words come in with every day's stories; a build once a night, run a little earlier than the last, learns them.
REBUILD_AFTER = timedelta(hours=20)


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `kind` is "unchanged", "updated" (in the live generation) or "rebuilt" (a new one)."""

    kind: str
    generation: int
    embedded: int
    indexed: int
    left: int


class Builder:
    """Keeps the live generation in step with the articles."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        toolbox: Toolbox,
        model: RankingModel,
        clock: Callable[[], datetime],
    ) -> None:
        """`model` says how strongly two articles are linked, and so which stories there are."""
        self._store = store
        self._embedder = embedder
        self._toolbox = toolbox
        self._clock = clock
        self._model = model
        self._recipe = f"{toolbox.recipe}/{model.version}"
        self._live = LiveNeighbours(store, toolbox, model)

    def build(self, *, full: bool = False, progress: Progress = quiet) -> BuildReport:
        """Embeds what is new and brings the neighbours up to date; with `full` everything is done anew.

        Few changes go into the live generation. Many, another model, ranking or table of names, changes in a generation
        older than REBUILD_AFTER or `full` make a new one beside it, which takes its place in one transaction. Raises
        InvalidInput when there is no article at all.
        """
        version = vector_version(self._embedder)
        embedded = self._embed(self._store.generations.unembedded(version, again=full), version, progress)
        generation = self._store.state().generation
        if generation is None or full or self._store.generations.live_model() != version:
            return self._rebuild(version, embedded, progress)
        stale = self._store.generations.stale(generation)
        changes = len(stale.changed) + len(stale.left)
        many = changes > max(REBUILD_LEAST, REBUILD_SHARE * self._store.generations.size(generation))
        other = self._store.generations.recipe(generation) != self._recipe
        if many or other or self._store.generations.outdated(generation, self._clock() - REBUILD_AFTER):
            return self._rebuild(version, embedded, progress)
        return self._catch_up(version, embedded)

    def update(self) -> BuildReport:
        """Takes articles in and out of the live generation at once, the newest first. Raises NotBuilt without one.

        At most UPDATE_AT_ONCE articles: what a site publishes, not an archive that waits for its first build.
        """
        version = vector_version(self._embedder)
        newest = self._store.generations.unembedded(version)[:UPDATE_AT_ONCE]
        return self._update(version, self._embed(newest, version, quiet))

    def draft_candidates(self, draft: Article) -> Found:
        """The candidates of a text that is not in the archive. Raises NotBuilt."""
        version = vector_version(self._embedder)
        vector = article_vectors(self._embedder, [draft])[0]
        with self._store.reading():
            self._sync(version)
            return self._live.candidates(draft, vector)

    def _sync(self, version: str) -> int:
        generation = self._live.sync()
        if generation is None:
            raise NotBuilt
        if generation.model != version:
            raise Unavailable(
                f"The neighbours were computed with {generation.model}, the settings name {version}. "
                "Run `recommender build`."
            )
        return generation.number

    def _embed(self, numbers: Sequence[int], version: str, progress: Progress) -> int:
        batches = [numbers[start : start + EMBED_AT_ONCE] for start in range(0, len(numbers), EMBED_AT_ONCE)]
        for batch in progress(batches, len(batches), f"Embedding {len(numbers):,} articles") if batches else ():
            articles = list(self._store.articles.get(batch).values())
            vectors = article_vectors(self._embedder, articles)
            keys = [article.text_hash for article in articles]
            self._store.generations.put_vectors(version, dict(zip(keys, vectors, strict=True)))
        return len(numbers)

    def _catch_up(self, version: str, embedded: int) -> BuildReport:
        indexed = left = 0
        while True:
            report = self._update(version, embedded)
            if not report.indexed and not report.left:
                kind = "updated" if indexed or left else "unchanged"
                return BuildReport(kind, report.generation, embedded, indexed, left)
            indexed += report.indexed
            left += report.left

    def _update(self, version: str, embedded: int) -> BuildReport:
        generation = self._store.state().generation
        if generation is not None and self._store.generations.stale(generation) == Stale([], []):
            return BuildReport("unchanged", generation, embedded, 0, 0)
        with self._store.reading():
            self._sync(version)  # the bulk of the reading is done before the others are kept waiting
        try:
            with self._store.writing():
                number = self._sync(version)
                stale = self._store.generations.stale(number)
                members = self._store.generations.members(version, stale.changed[:UPDATE_AT_ONCE])
                articles = self._store.articles.get([member.number for member in members])
                changes = self._live.apply(members, articles, stale.left)
                self._store.generations.write(number, changes.rows)
                self._store.generations.write_candidates(number, changes.lists)
                revision = self._store.state().revision
        except BaseException:
            self._live.forget()  # the copy is ahead of what was rolled back
            raise
        self._live.settle(revision)
        return BuildReport("updated" if changes.rows else "unchanged", number, embedded, len(members), len(stale.left))

    def _rebuild(self, version: str, embedded: int, progress: Progress) -> BuildReport:
        members = self._store.generations.members(version)
        if not members:
            raise InvalidInput("There is no published article yet. Run `recommender ingest` first.")
        lexical = self._toolbox.fit_lexical(lambda: self._articles(members))
        rows: list[TermRow] = []
        names: list[tuple[str, ...]] = []
        for chunk in self._chunks(members):
            rows += lexical.rows(chunk)
            names += map(lexical.names, chunk)
        geometry = self._geometry(members, lexical.themes(rows))
        frame = Frame(geometry, lexical)
        entries = [
            frame.entry(member.number, member.text_hash, member.language, member.vector, row)
            for member, row in zip(members, rows, strict=True)
        ]
        finder = frame.finder(self._toolbox, entries)
        scales = finder.scales()
        number = self._store.generations.begin(
            NewGeneration(version, self._recipe, geometry.to_bytes(), lexical.to_bytes(), scales, self._clock())
        )
        named = iter(names)
        posted = self._store.articles.posted()
        ranker = Ranker(self._model, scales)
        links: list[Link] = []
        demand: Counter[int] = Counter()
        chunks = [entries[start : start + WRITE_AT_ONCE] for start in range(0, len(entries), WRITE_AT_ONCE)]
        for chunk in progress(chunks, len(chunks), f"Finding neighbours of {len(entries):,} articles"):
            lists = finder.lists(chunk)
            for entry, candidates in zip(chunk, lists, strict=True):
                found = story_links(entry.number, candidates, posted, ranker)
                demand.update(best_of(found, candidates))
                links += [link for link in found if link[0] >= LEAST_LINK]
            self._store.generations.write(
                number,
                [
                    NeighbourRow(
                        entry.number,
                        entry.text_hash,
                        entry.language,
                        entry.terms,
                        candidates,
                        next(named),
                        entry.number,
                    )
                    for entry, candidates in zip(chunk, lists, strict=True)
                ],
            )
        stories = join([entry.number for entry in entries], links)
        self._store.generations.put_standings(number, stories, demand)
        self._store.generations.activate(number)
        self._store.generations.drop_retired()
        self._store.generations.prune_vectors()
        # What was published while the build ran is in no row of the new generation yet.
        late = self._catch_up(version, self._embed(self._store.generations.unembedded(version), version, quiet))
        return BuildReport("rebuilt", number, embedded + late.embedded, len(entries) + late.indexed, late.left)

    def _geometry(self, members: Sequence[Member], themes: Vectors) -> Geometry:
        languages = [member.language for member in members]
        texts = {}
        for language in sorted(set(languages)):
            numbers = [member.number for member in members if member.language == language][:TRUST_ARTICLES]
            articles = self._store.articles.get(numbers).values()
            texts[language] = trust(self._embedder, [f"{article.summary} {article.body}" for article in articles])
        vectors = np.stack([member.vector for member in members])
        return Geometry(Centres.of(vectors, languages), Centres.of(themes, languages), texts)

    def _articles(self, members: Sequence[Member]) -> Iterator[Article]:
        for chunk in self._chunks(members):
            yield from chunk

    def _chunks(self, members: Sequence[Member]) -> Iterable[list[Article]]:
        numbers = [member.number for member in members]
        for start in range(0, len(numbers), WRITE_AT_ONCE):
            batch = numbers[start : start + WRITE_AT_ONCE]
            found = self._store.articles.get(batch)
            # An article withdrawn since the members were listed has left no text; its row leaves with the next update.
            yield [found.get(number, _WITHDRAWN) for number in batch]


_WITHDRAWN = Article(id="", title="")
