"""Every error this package raises on purpose, as one tree.

    RecommenderError
    ├── InvalidInput            the caller can correct it: bad record, bad parameter, bad file
    │   ├── InvalidArticle      one record, with every field that is wrong
    │   ├── InvalidSignal       an editor's decision with values that it cannot have
    │   ├── Conflict            another editor has decided meanwhile; nothing was changed
    │   ├── SignInRefused       wrong name or password, locked, or a link that is used up
    │   └── SettingsError       a setting is unknown or has a value that cannot be used
    ├── NotFound
    │   └── ArticleNotFound     no published article has this id or URL
    ├── Forbidden               the account's role or the key's scopes do not allow it
    ├── UnknownKey              the API key is missing, wrong, ended or over
    └── Unavailable             a part is missing: model, database, first build
        ├── ModelUnavailable
        ├── StoreUnavailable
        ├── BudgetSpent         what a reader of both texts may cost is spent; nothing more is asked
        ├── NoVerdict           a reader has answered about one box, and its answer is of no use
        └── NotBuilt            articles are there, neighbours are not: run `recommender build`

The command line turns `InvalidInput` into exit code 2 (1 where records of a file were refused) and
`Unavailable` into 3; the API turns them into 4xx and 503 problem details.
"""

from dataclasses import dataclass


class RecommenderError(Exception):
    """Base of the tree; its text is meant for the caller or reader.

    Its branches are in `recommender.errors`: InvalidInput (the caller can correct it), NotFound, Forbidden, UnknownKey,
    and Unavailable (a model, the database or the first build is missing).
    """


class InvalidInput(RecommenderError):
    """Input that its sender can correct."""


@dataclass(frozen=True)
class FieldProblem:
    """One thing that is wrong with one field, and what to do about it."""

    field: str
    value: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem} (got {self.value}); {self.advice}"


class InvalidArticle(InvalidInput):
    """A record that cannot become an article. `problems` names every field at fault."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class InvalidSignal(InvalidInput):
    """An editor's decision with values that it cannot have. `problems` names every field at fault."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Conflict(InvalidInput):
    """Another editor has decided about the same article meanwhile. Nothing was changed.

    `entry` is the number of the latest entry of the audit trail about it.
    """

    def __init__(self, message: str, entry: int) -> None:
        super().__init__(message)
        self.entry = entry


class SignInRefused(InvalidInput):
    """A sign-in was refused; the text does not say whether there is such an account."""


class SettingsError(InvalidInput):
    """A setting that is unknown, or whose value cannot be used."""


class NotFound(RecommenderError):
    """What was asked for is not there."""


class ArticleNotFound(NotFound):
    """No published article has this id or URL."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no published article {key!r}.")
        self.key = key


class Forbidden(RecommenderError):
    """The account's role or the key's scopes do not allow it."""


class UnknownKey(RecommenderError):
    """An API key is missing, wrong, ended or over; the text does not say which."""

    def __init__(self) -> None:
        super().__init__("Send a key that holds as `Authorization: Bearer KEY`; `recommender keys` makes them.")


class Unavailable(RecommenderError):
    """A part that the work needs is missing or does not answer."""


class ModelUnavailable(Unavailable):
    """The embedding model cannot be loaded, or its files are not the expected ones."""


class StoreUnavailable(Unavailable):
    """The database cannot be reached or was written by a newer release."""


class BudgetSpent(Unavailable):
    """What a reader of both texts may cost is spent: nothing more is asked until the next build."""


class NoVerdict(Unavailable):
    """A reader of both texts has answered about one box, and its answer is of no use; others may be."""


class NotBuilt(Unavailable):
    """There is no generation yet, so no neighbours."""

    def __init__(self, message: str = "No neighbours have been computed yet. Run `recommender build`.") -> None:
        super().__init__(message)
