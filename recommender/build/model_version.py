"""What a build makes a generation with, besides the articles: a model version, by its name."""

from dataclasses import dataclass

from recommender.ranking.scoring import RankingModel


@dataclass(frozen=True)
class ModelVersion:
    """A model version. `name` is NAME/VERSION; its embedding model goes beside it, as an `Embedder`."""

    name: str
    ranking: RankingModel
