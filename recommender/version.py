"""The version of this software: what packages, cards and `--version` say."""

__version__ = "0.1.0"
