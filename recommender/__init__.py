"""Related stories for a news site: embedded, indexed, ranked, explained."""

__version__ = "0.1.0"
