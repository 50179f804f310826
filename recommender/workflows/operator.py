"""Who gives a command, for the audit trail."""

import getpass
import os


def operator() -> str:
    """The name that entries of a command stand under."""
    try:
        user = getpass.getuser()
    except KeyError:  # a container may run as a number that has no name
        user = str(os.getuid())
    return f"command line ({user})"
