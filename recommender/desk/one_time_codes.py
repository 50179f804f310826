"""Codes of authenticator apps, through pyotp."""

import pyotp


class PyotpCodes:
    """`OneTimeCodes` with pyotp's defaults, which are those that every app knows."""

    def new_secret(self) -> str:
        return pyotp.random_base32()

    def code(self, secret: str, step: int) -> str:
        return pyotp.TOTP(secret).generate_otp(step)

    def address(self, secret: str, name: str, issuer: str) -> str:
        return pyotp.TOTP(secret, name=name, issuer=issuer).provisioning_uri()
