"""Where a model's files are found, and that a version names exactly these files."""

from pathlib import Path

import pytest

from recommender.embedding import model_files
from recommender.embedding.model_files import DEFAULT_MODEL, find_model
from recommender.errors import ModelUnavailable


def folder(parent: Path, name: str = "mine", **files: str) -> Path:
    path = parent / name
    (path / "sub").mkdir(parents=True)
    for file, text in ({"config": "{}", "weights": "abc"} | files).items():
        (path / "sub" / file).write_text(text)
    return path


def test_default_model_comes_from_its_package() -> None:
    files = find_model(DEFAULT_MODEL)
    assert files.version == "all-MiniLM-L6-v2@53aa51172d14"
    assert (files.folder / "config.json").is_file()


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "_SHA256", "0" * 64)
    with pytest.raises(ModelUnavailable, match=r"not the published ones \(SHA-256 53aa.*--force-reinstall"):
        find_model(DEFAULT_MODEL)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "_PACKAGE", "no-such-package-anywhere")
    with pytest.raises(ModelUnavailable, match="pip install no-such-package-anywhere"):
        find_model(DEFAULT_MODEL)


def test_folders_are_named_by_their_content(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "a"), folder(tmp_path / "b")
    assert find_model(str(first)).version == find_model(str(second)).version
    assert find_model(str(first)).version.startswith("mine@")
    assert find_model(str(first)).folder == first


def test_folder_goes_by_the_name_that_it_is_given(tmp_path: Path) -> None:
    model = str(folder(tmp_path))
    plain = find_model(model).version
    assert find_model(model, called="sahel/2").version == plain.replace("mine@", "sahel/2@")


@pytest.mark.parametrize("change", [{"weights": "abd"}, {"more": ""}])
def test_changed_files_change_the_version(tmp_path: Path, change: dict[str, str]) -> None:
    before = find_model(str(folder(tmp_path / "a"))).version
    assert find_model(str(folder(tmp_path / "b", **change))).version != before


def test_renamed_files_change_the_version(tmp_path: Path) -> None:
    model = folder(tmp_path)
    before = find_model(str(model)).version
    (model / "sub" / "weights").rename(model / "sub" / "other")
    assert find_model(str(model)).version != before


@pytest.mark.parametrize("name", ["no/such-model", "not a name !"])
def test_unknown_models_say_what_to_do(name: str) -> None:
    with pytest.raises(ModelUnavailable, match="RECOMMENDER_MODEL_DOWNLOAD=true"):
        find_model(name)
