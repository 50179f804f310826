"""Types of arrays that more than one package works with."""

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]  # article numbers, and codes of the catalogue
FloatArray = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Positions = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]
