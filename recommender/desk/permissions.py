"""What the roles of the editors' desk may do."""

READ, DECIDE, GRADE, RULES = "read", "decide", "grade", "rules"
TUNE = "tune"  # threshold, weights, the matrix of sensitive content
PANELS = "panels"  # choose what is graded
ACCOUNTS = "accounts"
PERMISSIONS = (READ, DECIDE, GRADE, RULES, TUNE, PANELS, ACCOUNTS)

ADMINISTRATOR = "administrator"
ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset({READ}),
    "editor": frozenset({READ, DECIDE, GRADE, RULES}),
    "data-scientist": frozenset({READ, GRADE, TUNE, PANELS, RULES}),
    ADMINISTRATOR: frozenset(PERMISSIONS),
}


def permitted(role: str, permission: str) -> bool:
    """Whether a role has a permission; a role that is not known has none."""
    return permission in ROLES.get(role, frozenset())
