"""The second factor: codes of a device (RFC 6238), and recovery codes for the day when it is lost."""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from recommender.desk.permissions import ADMINISTRATOR
from recommender.store.accounts import Account, SecondFactor
from recommender.store.base import Store

ADMINISTRATORS, ALL = "administrators", "all"  # of Policy
Policy = Literal["optional", "administrators", "all"]

STEP = 30  # seconds for which a code is shown
DRIFT = 1  # steps that a device's clock may be off, either way
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 80 random bits: no fast hash of one can be searched for
_CODE = re.compile(r"\d{6}")
_SECRET = re.compile(r"[A-Z2-7]{32}")


class OneTimeCodes(Protocol):
    """Codes as authenticator apps show them: six digits, SHA-1, steps of STEP seconds."""

    def new_secret(self) -> str:
        """A random secret of 160 bits, as 32 letters of base32."""
        ...

    def code(self, secret: str, step: int) -> str:
        """The code of a time step, counted from 1970."""
        ...

    def address(self, secret: str, name: str, issuer: str) -> str:
        """What the QR code holds that an app reads (otpauth://…)."""
        ...


@dataclass(frozen=True)
class SecondFactors:
    """Sets second factors up and looks at codes. What writes belongs into a transaction of the caller."""

    store: Store
    codes: OneTimeCodes
    clock: Callable[[], datetime]
    policy: Policy = "optional"

    def requires(self, account: Account) -> bool:
        """Whether the account must have one."""
        return self.policy == ALL or (self.policy == ADMINISTRATORS and account.role == ADMINISTRATOR)

    def lacks(self, account: Account) -> bool:
        """Whether the account must have one and has none."""
        return account.second_factor is None and self.requires(account)

    def confirmed(self, secret: str, code: str) -> SecondFactor | None:
        """A second factor of a secret that `new_secret` has made, where the code is one of it."""
        if not _SECRET.fullmatch(secret):
            return None
        step = self._step(secret, code, after=-1)
        return None if step is None else SecondFactor(secret, self.clock(), step)

    def takes(self, account: Account, code: str) -> bool:
        """Whether a code lets in; it does so once. `account` is as it is now."""
        factor = account.second_factor
        if factor is None:
            return False
        step = self._step(factor.secret, code, after=factor.step)
        if step is None:
            return self.store.accounts.use_recovery_code(account.number, _hashed(code), self.clock())
        self.store.accounts.replace(replace(account, second_factor=replace(factor, step=step)))
        return True

    def new_recovery_codes(self, account: Account) -> list[str]:
        """Recovery codes in the place of all that there were. They can be read here only; the store has hashes."""
        made = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
        self.store.accounts.put_recovery_codes(account.number, [_hashed(code) for code in made])
        return ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in made]

    def _step(self, secret: str, code: str, after: int) -> int | None:
        """The time step of a code, later than `after`: one that was seen on its way in is of no use again."""
        plain = "".join(code.split())
        if not _CODE.fullmatch(plain) or not plain.isascii():
            return None
        now = int(self.clock().timestamp()) // STEP
        right = [
            step
            for step in range(now - DRIFT, now + DRIFT + 1)
            if hmac.compare_digest(self.codes.code(secret, step).encode(), plain.encode()) and step > after
        ]
        return max(right, default=None)


def _hashed(code: str) -> str:
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
