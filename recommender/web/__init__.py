"""The web service: `create_app` makes it; one blueprint for each audience."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from recommender.web.front_door import FrontDoor

__all__ = ["create_app", "create_front_door"]


def create_app() -> "Flask":
    """The application with the settings in force, for any WSGI server.

    Returns
    -------
    Flask
        A WSGI application, such as for `gunicorn 'recommender.web:create_app()'`.

    Raises
    ------
    SettingsError
        A setting is unknown or wrong.
    StoreUnavailable
        The database does not answer.
    """
    # The server's own process imports this package to find the function, and needs nothing else of it.
    from recommender.logs import set_up_logs  # noqa: PLC0415
    from recommender.settings import load_settings  # noqa: PLC0415
    from recommender.web.app import make_app  # noqa: PLC0415

    settings = load_settings()
    set_up_logs(settings.log_format)
    return make_app(settings)


def create_front_door() -> "FrontDoor":
    """The same behind the front door, for granian's interface RSGI: what the workers of `recommender serve` call.

    Returns
    -------
    FrontDoor
        An RSGI application, which belongs to one event loop.

    Raises
    ------
    SettingsError
        A setting is unknown or wrong.
    StoreUnavailable
        The database does not answer.
    """
    from recommender.web.front_door import FrontDoor  # noqa: PLC0415

    return FrontDoor(create_app())
