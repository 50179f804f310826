"""Places on a map, by scikit-learn."""

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

SEED = 0
PERPLEXITY = 30.0  # scikit-learn's own default; about how many neighbours an article keeps near itself


def project(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(n, d) vectors to (n, 2) places that keep near what is near: t-SNE (van der Maaten and Hinton, 2008).

    Parameters
    ----------
    vectors : array of shape (n, d)
        Such as unit vectors of articles.

    Returns
    -------
    array of shape (n, 2), float64
        Equal vectors give equal places, since the seed is fixed; zeros where n is below 3.
    """
    if len(vectors) < 3:
        return np.zeros((len(vectors), 2))
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED)
    places: npt.NDArray[np.float64] = model.fit_transform(vectors).astype(np.float64)
    return places
