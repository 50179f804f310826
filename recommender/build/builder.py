"""Use case: embed what is new, compute neighbours, switch generations; or take in a few articles at once.

A generation is made with one model version, and keeps its name and weights. Articles are taken into whatever model
version is live, since another process may have put another one live meanwhile: see `LiveBuilder`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import numpy as np

from recommender.arrays import Vectors
from recommender.articles.article import Article
from recommender.articles.boilerplate import Boilerplate, find_boilerplate
from recommender.articles.keys import indexed_hash, vector_key
from recommender.articles.shingles import copy_key
from recommender.build.live_neighbours import LiveNeighbours
from recommender.build.model_version import ModelVersion
from recommender.build.neighbours import GenerationModels, best_of, story_links
from recommender.build.stories import MIN_LINK, Link, join
from recommender.embedding.base import Embedder
from recommender.embedding.pooling import TRUST_ARTICLES, Centres, Geometry, article_vectors, trust, vector_version
from recommender.errors import InvalidInput, NotBuilt, Unavailable
from recommender.progress import Progress, quiet
from recommender.ranking.candidates import TextCandidates
from recommender.ranking.facts import Ranker
from recommender.retrieval.base import Toolbox
from recommender.retrieval.terms import TermRow
from recommender.store.base import Store
from recommender.store.generations import Generation, Member, NeighbourRow, NewGeneration, Stale

Done = TypeVar("Done")
Item = TypeVar("Item")

# Vectors are written after so many articles: an interrupted build loses seconds of work, and sorting by length still
# finds passages enough to fill batches without padding.
EMBED_AT_ONCE = 256
WRITE_AT_ONCE = 500
UPDATE_AT_ONCE = 256  # articles that one update takes in: other writers wait for it
# Beyond this share of changes the word weights and the centre are worth learning anew.
REBUILD_SHARE = 0.1
REBUILD_MIN = 50
# New words come in with every day's stories; a build once a night, run a little earlier than the last, learns them.
REBUILD_AFTER = timedelta(hours=20)


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `kind` is "unchanged", "updated" (in the live generation) or "rebuilt" (a new one).

    `read` counts the boxes that a reader of both texts has read.
    """

    kind: str
    generation: int
    embedded: int
    indexed: int
    left: int
    read: int = 0


@dataclass(frozen=True)
class _Text:
    """The text that is read of an article, without boilerplate, by its indexed hash."""

    number: int
    text_hash: str
    language: str


class Boxes(Protocol):
    """What a reader of both texts says of the best candidates of articles: see `serving.reading`."""

    @property
    def version(self) -> str:
        """Whose verdicts count."""
        ...

    def know(self, generation: int, progress: Progress) -> None:
        """Puts the grades that are kept into the lists of a complete generation. Asks nobody."""
        ...

    def read(self, generation: int, progress: Progress) -> int:
        """Reads what has not been read, as far as the reader answers; gives the number of boxes. Raises nothing."""
        ...


class Builder:
    """Builds with one model version, and keeps a live generation of its embedding model in step with the articles."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        toolbox: Toolbox,
        model_version: ModelVersion,
        clock: Callable[[], datetime],
        *,
        min_score: float,
        prepare: Callable[[int, Progress], object],
        switched: Callable[[], object],
        boxes: Boxes | None = None,
        changed: Callable[[Sequence[int]], object] = lambda _numbers: None,
    ) -> None:
        """`min_score` is the lowest score of what is shown as related. `prepare` makes the answers of a complete
        generation, by its number, before any reader is given it. `switched` is called in the transaction that gives
        readers a new generation. `boxes` are read after that, where there is a reader of both texts; `changed` is told
        which articles an update has taken in, when readers get them.
        """
        self._store = store
        self._embedder = embedder
        self._toolbox = toolbox
        self._clock = clock
        self._min_score = min_score
        self._prepare = prepare
        self._switched = switched
        self._boxes = boxes
        self._changed = changed
        self._live = LiveNeighbours(store, toolbox, model_version.ranking)
        self.model_version = model_version

    @property
    def version(self) -> str:
        """The version of its vectors."""
        return vector_version(self._embedder)

    def build(self, *, full: bool = False, progress: Progress = quiet) -> BuildReport:
        """Embeds what is new and brings the neighbours up to date.

        Few changes go into the live generation. Many, another model version or table of names, changes in a generation
        older than REBUILD_AFTER or `full` make a new one beside it, which replaces it in one transaction; if it was of
        another version, a rollback can return to it.

        Parameters
        ----------
        full : bool
            Whether everything is done anew; False if left out.
        progress : callable
            Is told what is done; says nothing if left out.

        Returns
        -------
        BuildReport
            `kind` ("unchanged", "updated" or "rebuilt"), the live `generation`, and how many articles were `embedded`,
            were `indexed` and have `left`.

        Raises
        ------
        InvalidInput
            There is no article at all.
        Unavailable
            Another version was put live meanwhile; readers keep that one.
        """
        report = self._build(full=full, progress=progress)
        if self._boxes is None:
            return report
        return replace(report, read=self._boxes.read(report.generation, progress))

    def _build(self, *, full: bool, progress: Progress) -> BuildReport:
        version, before = self.version, self._live_model_version()
        live = self._store.generations.live()
        if live is None or full or not self._is_current(live):
            return self._rebuild(version, before, progress, again=full)
        stale = self._store.generations.stale(live.number)
        changes = len(stale.changed) + len(stale.left)
        many = changes > max(REBUILD_MIN, REBUILD_SHARE * self._store.generations.size(live.number))
        if many or self._store.generations.outdated(live.number, self._clock() - REBUILD_AFTER):
            return self._rebuild(version, before, progress)
        return self._catch_up(version, progress)

    def _is_current(self, generation: Generation) -> bool:
        """Whether a generation is what this builder would make of the same articles."""
        return (
            generation.model_version == self.model_version.name
            and generation.ranking == self.model_version.ranking
            and generation.model == self.version
            and generation.reranker == self.reranker
            and self._store.generations.recipe(generation.number) == self._toolbox.recipe
        )

    @property
    def reranker(self) -> str | None:
        """The version of the reader of both texts whose grades its generations show."""
        return None if self._boxes is None else self._boxes.version

    def build_beside(self, progress: Progress = quiet) -> int:
        """A complete generation beside the live one, its boxes read and its answers prepared; gives its number.

        It stays until the next new generation replaces the live one, unless it is live, the previous one or the shadow
        by then. Raises InvalidInput when there is no article at all.
        """
        return self._new_generation(self.version, progress, beside=True)[0]

    def update(self) -> BuildReport:
        """Takes articles in and out of the live generation at once, the newest first. Raises NotBuilt without one.

        At most UPDATE_AT_ONCE articles: what a site publishes, not an archive that waits for its first build.
        """
        version = self.version
        return self._update(version, self._embed_stale(version, quiet, UPDATE_AT_ONCE))

    def draft_candidates(self, draft: Article) -> TextCandidates:
        """The candidates of a text that is not in the archive. Raises NotBuilt."""
        version = self.version
        with self._store.reading():
            self._sync(version)
        text = self._live.models.text(draft)
        vector = article_vectors(self._embedder, [text])[0]
        with self._store.reading():
            self._sync(version)
            return self._live.candidates(text, vector)

    def warm(self) -> None:
        """Loads the embedding model, which takes seconds, so that nobody who publishes waits for it."""
        self._embedder.embed(["A first text."])

    def _sync(self, version: str) -> int:
        generation = self._live.sync()
        if generation is None:
            raise NotBuilt
        if generation.model != version:
            raise Unavailable(
                f"The neighbours were computed with {generation.model}, not with {version} of "
                f"{self.model_version.name}. Run `recommender build`."
            )
        return generation.number

    def _embed_stale(self, version: str, progress: Progress, most: int | None = None) -> int:
        """Embeds what is new in the live generation, the newest `most` of it; gives the number of texts."""
        generation = self._store.state().generation
        if generation is None:
            raise NotBuilt
        numbers = self._store.generations.stale(generation).changed[:most]
        if not numbers:
            return 0
        with self._store.reading():
            self._sync(version)
        boilerplate = self._live.models.geometry.boilerplate
        texts = [text for batch, _ in self._read(numbers, boilerplate) for text in batch]
        return self._embed(texts, boilerplate, version, progress)

    def _read(
        self, numbers: Sequence[int] | None, boilerplate: Boilerplate
    ) -> Iterator[tuple[Sequence[_Text], Sequence[Article]]]:
        """The published articles, all or some, in batches: what is kept of each text that is read, and the text."""
        for batch in _batches(self._store.generations.published(numbers), WRITE_AT_ONCE):
            wanted = [item.number for item in batch]
            with self._store.reading():  # so that hashes and texts are of one moment
                published = self._store.generations.published(wanted)
                articles = self._store.articles.get(wanted)
            texts = [boilerplate.cleaned(articles[item.number]) for item in published]
            yield (
                [
                    _Text(
                        item.number,
                        # What has nothing left out has the key that its stored hash begins with.
                        indexed_hash(
                            vector_key(item.text_hash) if text is articles[item.number] else text.text_key,
                            copy_key(text),
                            item.text_hash,
                        ),
                        text.language,
                    )
                    for item, text in zip(published, texts, strict=True)
                ],
                texts,
            )

    def _embed(
        self,
        texts: Sequence[_Text],
        boilerplate: Boilerplate,
        version: str,
        progress: Progress,
        *,
        again: bool = False,
    ) -> int:
        """Embeds the texts that have no vector yet, or all `again`; gives their number."""
        numbers = {vector_key(text.text_hash): text.number for text in reversed(texts)}
        known = {} if again else self._store.generations.vectors(version, list(numbers))
        wanted = sorted(number for key, number in numbers.items() if key not in known)
        batches = _batches(wanted, EMBED_AT_ONCE)
        for batch in progress(batches, len(batches), f"Embedding {len(wanted):,} articles") if batches else ():
            for read, articles in self._read(batch, boilerplate):
                keys = [vector_key(text.text_hash) for text in read]
                vectors = article_vectors(self._embedder, articles)
                self._store.generations.put_vectors(version, dict(zip(keys, vectors, strict=True)))
        return len(wanted)

    def _members(self, texts: Sequence[_Text], version: str) -> list[Member]:
        """Those of the texts that have a vector."""
        vectors = self._store.generations.vectors(version, list({vector_key(text.text_hash) for text in texts}))
        return [
            Member(text.number, text.text_hash, text.language, vectors[vector_key(text.text_hash)])
            for text in texts
            if vector_key(text.text_hash) in vectors
        ]

    def _catch_up(self, version: str, progress: Progress) -> BuildReport:
        embedded = self._embed_stale(version, progress)
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
            self._sync(version)  # most of the reading is done before other writers have to wait
        try:
            with self._store.writing():
                number = self._sync(version)
                stale = self._store.generations.stale(number)
                members, articles = self._read_stale(stale.changed[:UPDATE_AT_ONCE], version)
                changes = self._live.apply(members, articles, stale.left)
                self._store.generations.write(number, changes.rows)
                self._store.generations.write_candidates(number, changes.lists)
                if self._live.reranker is not None:
                    others = [row.number for row in changes.rows]
                    self._store.generations.forget_grades(number, list(changes.lists), others)
                revision = self._store.state().revision
        except BaseException:
            self._live.forget()  # the copy is ahead of what was rolled back
            raise
        self._live.settle(revision)
        if members:
            self._changed([member.number for member in members])
        return BuildReport("updated" if changes.rows else "unchanged", number, embedded, len(members), len(stale.left))

    def _read_stale(self, numbers: Sequence[int], version: str) -> tuple[list[Member], dict[int, Article]]:
        read: list[_Text] = []
        articles: dict[int, Article] = {}
        for texts, batch in self._read(numbers, self._live.models.geometry.boilerplate):
            read += texts
            articles |= {text.number: article for text, article in zip(texts, batch, strict=True)}
        return self._members(read, version), articles

    def _live_model_version(self) -> str | None:
        live = self._store.state().generation
        return None if live is None else self._store.generations.model_version(live)

    def _rebuild(self, version: str, before: str | None, progress: Progress, *, again: bool = False) -> BuildReport:
        number, embedded, indexed = self._new_generation(version, progress, again=again)
        with self._store.writing():
            now = self._live_model_version()
            if now == before:
                self._store.generations.activate(number, keep=before not in (None, self.model_version.name))
                self._switched()
        self._store.generations.drop_retired()
        if now != before:
            raise Unavailable(f"While this build ran {now} was put live, and readers keep it. Run the build again.")
        self._store.generations.prune_vectors()
        # What was published while the build ran is in no row of the new generation yet.
        late = self._catch_up(version, quiet)
        return BuildReport("rebuilt", number, embedded + late.embedded, indexed + late.indexed, late.left)

    def _new_generation(
        self, version: str, progress: Progress, *, again: bool = False, beside: bool = False
    ) -> tuple[int, int, int]:
        """A complete generation beside the live one: its number, and how many texts it embedded and articles holds.

        A reader of both texts may take hours. One that stays `beside` is judged by its answers, so its boxes are read
        first; else readers get what is kept at once, and the rest as it is read.
        """
        boilerplate = find_boilerplate(self._published)
        texts = [text for batch, _ in self._read(None, boilerplate) for text in batch]
        embedded = self._embed(texts, boilerplate, version, progress, again=again)
        members = self._members(texts, version)
        if not members:
            raise InvalidInput("There is no published article yet. Run `recommender ingest` first.")
        lexical = self._toolbox.fit_lexical(lambda: self._articles(members, boilerplate))
        rows: list[TermRow] = []
        names: list[tuple[str, ...]] = []
        for chunk in self._chunks(members, boilerplate):
            rows += lexical.rows(chunk)
            names += map(lexical.names, chunk)
        geometry = self._geometry(members, lexical.themes(rows), boilerplate)
        models = GenerationModels(geometry, lexical)
        entries = [
            models.entry(member.number, member.text_hash, member.language, member.vector, row)
            for member, row in zip(members, rows, strict=True)
        ]
        finder = models.finder(self._toolbox, entries)
        scales = finder.scales()
        number = self._store.generations.begin(
            NewGeneration(
                model=version,
                recipe=self._toolbox.recipe,
                geometry=geometry.to_bytes(),
                lexical=lexical.to_bytes(),
                scales=scales,
                built_on=self._clock(),
                model_version=self.model_version.name,
                ranking=self.model_version.ranking,
                reranker=self.reranker,
            )
        )
        named = iter(names)
        posted = self._store.articles.posted()
        ranker = Ranker(self.model_version.ranking, scales)
        links: list[Link] = []
        demand: Counter[int] = Counter()
        chunks = [entries[start : start + WRITE_AT_ONCE] for start in range(0, len(entries), WRITE_AT_ONCE)]
        for chunk in progress(chunks, len(chunks), f"Finding neighbours of {len(entries):,} articles"):
            lists = finder.lists(chunk)
            for entry, candidates in zip(chunk, lists, strict=True):
                links_of_article = story_links(entry.number, candidates, posted, ranker)
                demand.update(best_of(links_of_article, candidates, self._min_score))
                links += [link for link in links_of_article if link[0] >= MIN_LINK]
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
        self._store.generations.finish(number)
        if self._boxes is not None:
            self._boxes.know(number, progress)
            if beside:
                self._boxes.read(number, progress)
        self._prepare(number, progress)
        return number, embedded, len(members)

    def _geometry(self, members: Sequence[Member], themes: Vectors, boilerplate: Boilerplate) -> Geometry:
        languages = [member.language for member in members]
        texts = {}
        for language in sorted(set(languages)):
            numbers = [member.number for member in members if member.language == language][:TRUST_ARTICLES]
            articles = map(boilerplate.cleaned, self._store.articles.get(numbers).values())
            some = [f"{article.summary} {article.body}" for article in articles]
            texts[language] = trust(self._embedder, language, some)
        vectors = np.stack([member.vector for member in members])
        return Geometry(Centres.of(vectors, languages), Centres.of(themes, languages), texts, boilerplate)

    def _published(self) -> Iterator[Article]:
        for batch in _batches(self._store.generations.published(), WRITE_AT_ONCE):
            yield from self._store.articles.get([item.number for item in batch]).values()

    def _articles(self, members: Sequence[Member], boilerplate: Boilerplate) -> Iterator[Article]:
        for chunk in self._chunks(members, boilerplate):
            yield from chunk

    def _chunks(self, members: Sequence[Member], boilerplate: Boilerplate) -> Iterable[list[Article]]:
        for batch in _batches([member.number for member in members], WRITE_AT_ONCE):
            articles = self._store.articles.get(batch)
            # An article withdrawn since the members were listed has left no text; its row leaves with the next update.
            yield [boilerplate.cleaned(articles.get(number, _WITHDRAWN)) for number in batch]


def _batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


_WITHDRAWN = Article(id="", title="")


class LiveBuilder:
    """Takes articles in, and compares drafts, with the embedding model of the live version. For one thread."""

    def __init__(self, store: Store, make: Callable[[str | None], Builder]) -> None:
        """`make` makes the builder of a model version by its name; None asks for that of the settings."""
        self._store = store
        self._make = make
        self._builder: Builder | None = None
        self._followed = store.state().generation  # None after a switch, until what it lacks is taken in

    def step(self) -> bool:
        """Takes in what was published before another generation became live; returns whether more is left.

        A rollback returns to what the generation held when it was replaced. What a new one lacks is taken in by its
        build, and before the first switch nothing is done: an archive that is not built yet is for builds. Raises
        Unavailable.
        """
        generation = self._store.state().generation
        if generation is None or generation == self._followed:
            return False
        if self._store.generations.stale(generation) != Stale([], []):
            report = self.update()
            if report.indexed or report.left:
                return True
        self._followed = generation
        return False

    def warm(self) -> None:
        """See `Builder.warm`."""
        self._with_live_builder(Builder.warm)

    def update(self) -> BuildReport:
        """See `Builder.update`."""
        return self._with_live_builder(Builder.update)

    def draft_candidates(self, draft: Article) -> TextCandidates:
        """See `Builder.draft_candidates`."""
        return self._with_live_builder(lambda builder: builder.draft_candidates(draft))

    def _with_live_builder(self, task: Callable[[Builder], Done]) -> Done:
        builder = self._live_builder()
        try:
            return task(builder)
        except Unavailable:
            other = self._live_builder()  # a switch between the look and the work
            if other is builder:
                raise
            return task(other)

    def _live_builder(self) -> Builder:
        """The builder for the live generation. Another one is made only for another embedding model, since weights are
        those of the generation anyway.
        """
        builder = self._builder or self._make(None)
        model_version, model = self._live_versions()
        if model not in (None, builder.version) and model_version not in (None, builder.model_version.name):
            builder = self._make(model_version)
        self._builder = builder
        return builder

    def _live_versions(self) -> tuple[str | None, str | None]:
        """Model version and embedding model of the live generation."""
        generations = self._store.generations
        with self._store.reading():
            number = self._store.state().generation
            if number != self._followed:
                self._followed = None
            return (None, None) if number is None else (generations.model_version(number), generations.model(number))
