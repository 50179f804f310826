"""The sample: 300 stories that come with the package, and their vectors, so that a first build embeds nothing."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable

import numpy as np

from recommender.arrays import Vectors
from recommender.sources.files import open_source
from recommender.store.base import Store

# Its own, never that of the settings: a site's archive stays apart from it. `make serve` has it here too.
DATABASE = "sqlite:///var/sample.db"
ARTICLES = "articles.jsonl"
JUDGMENTS = "qrels.txt"
VECTORS = "vectors.npz"


def sample_file(name: str) -> Traversable:
    """One of the sample's files."""
    return files("recommender.sample") / name


def sample_ids() -> list[str]:
    """The ids of the sample's stories."""
    with sample_file(ARTICLES).open("rb") as stream:
        return [str(record.fields["id"]) for record in open_source(stream, ARTICLES)]


def put_sample_vectors(store: Store) -> None:
    """Keeps the vectors of the sample's stories, under the key that all vectors have: embedding model and text.

    A build with another model takes no notice of them, nor does one whose texts have changed; `build --full` embeds
    all texts anew.
    """
    version, vectors = sample_vectors()
    store.generations.put_vectors(version, vectors)


def sample_vectors() -> tuple[str, Mapping[str, Vectors]]:
    """The version of the vectors, and the vector of each text hash; scripts/sample_vectors.py has written them."""
    with as_file(sample_file(VECTORS)) as file, np.load(file, allow_pickle=False) as kept:
        keys, vectors = kept["keys"].tolist(), kept["vectors"]
        return str(kept["version"]), dict(zip(keys, vectors, strict=True))
