"""Settings: where a value comes from, which are refused, and that no secret is shown."""

from pathlib import Path

import pytest

from recommender.errors import SettingsError
from recommender.settings import MIN_KEY_LENGTH, Settings, load_settings, masked_url, origins

KEY = "k" * MIN_KEY_LENGTH


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No recommender.toml of the developer's."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def write(text: str, name: str = "recommender.toml") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


def origin(name: str, file: Path | None = None) -> tuple[str, str]:
    origins_by_name = {setting.name: setting for setting in origins(load_settings(file), file)}[name]
    return origins_by_name.value, origins_by_name.origin


def test_defaults_are_usable() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert settings.port == 8000
    assert settings.api_keys == ()
    assert settings.host == "127.0.0.1"


def test_file_beats_the_default() -> None:
    write("port = 9000")
    assert load_settings().port == 9000
    assert origin("port") == ("9000", "recommender.toml")


def test_environment_beats_the_file(setenv: pytest.MonkeyPatch) -> None:
    write("port = 9000")
    setenv.setenv("RECOMMENDER_PORT", "9001")
    assert load_settings().port == 9001
    assert origin("port") == ("9001", "RECOMMENDER_PORT")


def test_named_file_beats_the_usual_one(setenv: pytest.MonkeyPatch) -> None:
    write("port = 9000")
    other = write("port = 9002", "other.toml")
    assert load_settings(other).port == 9002
    setenv.setenv("RECOMMENDER_CONFIG", str(other))
    assert load_settings().port == 9002


def test_unset_settings_come_from_defaults() -> None:
    assert origin("workers") == ("2", "default")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("RECOMMENDER_PROT", "did you mean port"), ("RECOMMENDER_XYZ", "the settings are database_url, ")],
)
def test_unknown_variables_are_refused(setenv: pytest.MonkeyPatch, name: str, hint: str) -> None:
    setenv.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"Unknown setting {name}: {hint}"):
        load_settings()


def test_unknown_names_in_files_are_refused() -> None:
    write("min_scores = 0.5")
    with pytest.raises(SettingsError, match=r"min_scores in recommender\.toml: did you mean min_score"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("MIN_SCORE", "1.1"),
        ("DIVERSITY", "-0.1"),
        ("MODEL_DOWNLOAD", "perhaps"),
        ("CACHE_SECONDS", "-1"),
        ("WORKERS", "0"),
        ("MODEL", ""),
        ("CORS_ORIGINS", "news.example"),
        ("CORS_ORIGINS", "https://news.example/path"),
        ("ROLES", "newest"),
        ("ROLES", "Latest"),
        ("RERANKER_URL", "ollama"),
        ("RERANKER_URL", "file:///etc/passwd"),
        ("RERANKER_URL", "ftp://llm.example/v1"),
        ("RERANKER_URL", "http:///v1"),
        ("RERANKER_URL", "http://llm.example:99999/v1"),
        ("RERANKER_URL", "http://me:sesame@llm.example/v1"),
        ("RERANKER_URL", "http://llm.example/v1?key=x"),
        ("RERANKER_URL", "http://llm.example/v1\nHost: other"),
        ("RERANKER_KEY", "two words"),
        ("RERANKER_KEY", "line\nX-Header: y"),
        ("RERANKER_FORMAT", "xml"),
        ("RERANKER_PARALLEL", "0"),
        ("RERANKER_SECONDS", "0"),
        ("RERANKER_REQUESTS", "-1"),
        ("RERANKER_BUDGET", "5"),
        ("RERANKER_PRICE_INPUT", "-1"),
    ],
)
def test_unusable_values_are_refused(setenv: pytest.MonkeyPatch, name: str, value: str) -> None:
    setenv.setenv(f"RECOMMENDER_{name}", value)
    with pytest.raises(SettingsError, match=f"{name.lower()}: "):
        load_settings()


def test_every_unusable_value_is_named() -> None:
    write('port = "x"\nworkers = 0')
    with pytest.raises(SettingsError, match=r"port: .*; workers: "):
        load_settings()


def test_wrong_types_in_files_are_refused() -> None:
    write("cors_origins = 5")
    with pytest.raises(SettingsError, match="cors_origins: "):
        load_settings()


@pytest.mark.parametrize(("content", "reason"), [(b"port = ", "is not valid TOML"), (b"\xff\xfe", "is not valid TOML")])
def test_broken_files_are_refused(content: bytes, reason: str) -> None:
    Path("recommender.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        load_settings()


def test_missing_named_files_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read: No such file"):
        load_settings(Path("nowhere.toml"))


def test_several_values_are_split_at_commas(setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("RECOMMENDER_CORS_ORIGINS", "https://a.example, http://b.example:8080,")
    assert load_settings().cors_origins == ("https://a.example", "http://b.example:8080")


@pytest.mark.parametrize("proxy", ["news.example", "10.0.0.1/8", "10.0.0.0/33", "*"])
def test_proxy_is_an_address_or_a_network(setenv: pytest.MonkeyPatch, proxy: str) -> None:
    setenv.setenv("RECOMMENDER_PROXIES", f"192.0.2.7, 2001:db8::/32, {proxy}")
    with pytest.raises(SettingsError, match=r"proxies: .*is not an address or a network"):
        load_settings()


def test_all_roles_are_the_default() -> None:
    assert load_settings().roles == ("background", "latest", "angle")


@pytest.mark.parametrize(("value", "roles"), [("latest, angle", ("latest", "angle")), ("", ())])
def test_roles_may_be_chosen(setenv: pytest.MonkeyPatch, value: str, roles: tuple[str, ...]) -> None:
    setenv.setenv("RECOMMENDER_ROLES", value)
    assert load_settings().roles == roles


def test_file_may_turn_roles_off() -> None:
    write("roles = []")
    assert load_settings().roles == ()


def test_model_versions_lie_in_models() -> None:
    assert load_settings().models == Path("models")


@pytest.mark.parametrize("place", ["weights", "/srv/weights", "https://weights.example/models"])
def test_large_files_come_from_a_folder_or_by_https(place: str) -> None:
    write(f'models_from = "{place}"')
    assert load_settings().models_from == place


@pytest.mark.parametrize("place", ["http://weights.example", "ftp://weights.example", "file:///srv"])
def test_large_files_come_from_nowhere_else(place: str) -> None:
    write(f'models_from = "{place}"')
    with pytest.raises(SettingsError, match="not a folder and not an https address"):
        load_settings()


@pytest.mark.parametrize("name", ["gazetteer", "models"])
def test_own_files_are_named_by_path(setenv: pytest.MonkeyPatch, name: str) -> None:
    write(f'{name} = "ours/file"')
    assert getattr(load_settings(), name) == Path("ours/file")
    setenv.setenv(f"RECOMMENDER_{name.upper()}", "other")
    assert origin(name) == ("other", f"RECOMMENDER_{name.upper()}")


def test_files_hold_lists() -> None:
    write(f'cors_origins = ["https://a.example", "*"]\napi_keys = ["{KEY}"]')
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "*")
    assert [key.get_secret_value() for key in settings.api_keys] == [KEY]


@pytest.mark.parametrize("keys", [KEY[1:], f"{KEY},short"])
def test_short_keys_are_refused_unseen(setenv: pytest.MonkeyPatch, keys: str) -> None:
    setenv.setenv("RECOMMENDER_API_KEYS", keys)
    with pytest.raises(SettingsError, match="16 characters or more; make one with") as caught:
        load_settings()
    assert keys not in str(caught.value)
    assert "short" not in str(caught.value).replace("short_keys", "")


def test_secrets_of_a_readers_address_are_refused_unseen(setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("RECOMMENDER_RERANKER_URL", "https://me:sesame@llm.example/v1")
    setenv.setenv("RECOMMENDER_RERANKER_KEY", "open sesame")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "sesame" not in str(caught.value)


def test_reader_has_a_budget_of_money_with_prices() -> None:
    write("reranker_price_output = 2.5\nreranker_budget = 5")
    assert load_settings().reranker_budget == 5


def test_secrets_are_masked_everywhere(setenv: pytest.MonkeyPatch) -> None:
    setenv.setenv("RECOMMENDER_API_KEYS", f"{KEY},{KEY}2")
    setenv.setenv("RECOMMENDER_RERANKER_KEY", "password-of-the-reader")
    setenv.setenv("RECOMMENDER_DATABASE_URL", "postgresql+psycopg://me:sesame@db.example/news")
    settings = load_settings()
    shown = f"{settings!r} {settings} {origins(settings)} {settings.model_dump()} {settings.model_dump_json()}"
    assert KEY not in shown
    assert "sesame" not in shown
    assert "password-of-the-reader" not in shown
    assert origin("reranker_key") == ("set", "RECOMMENDER_RERANKER_KEY")
    assert origin("api_keys") == ("2 set", "RECOMMENDER_API_KEYS")
    assert origin("database_url")[0] == "postgresql+psycopg://me:***@db.example/news"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("sqlite:///var/recommender.db", "sqlite:///var/recommender.db"),
        ("postgresql+psycopg://me@db/news", "postgresql+psycopg://me@db/news"),
        ("postgresql+psycopg://me:a@b:c@db:5432/news", "postgresql+psycopg://me:***@db:5432/news"),
        ("postgresql+psycopg://db/news?user=me&password=sesame", "postgresql+psycopg://db/news?user=me&password=***"),
    ],
)
def test_passwords_in_addresses_are_masked(url: str, masked: str) -> None:
    assert masked_url(url) == masked


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_origins_name_every_setting() -> None:
    assert [setting.name for setting in origins(load_settings())] == list(Settings.model_fields)
