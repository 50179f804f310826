"""Passwords by scrypt, through Werkzeug."""

from werkzeug.security import check_password_hash, generate_password_hash

METHOD = "scrypt:32768:8:1"  # 32 MB and some 60 ms each


class ScryptPasswords:
    """`Passwords` by scrypt, with a salt of its own for each."""

    def hash(self, password: str) -> str:
        return generate_password_hash(password, METHOD)

    def matches(self, hashed: str, password: str) -> bool:
        return check_password_hash(hashed, password)
