"""Settings of who may come in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr, field_validator, model_validator

from renditor.access.ratelimit import OFF, Rate
from renditor.errors import RenditorError

Algorithm = Literal["RS256", "ES256", "EdDSA"]

# HS256 with less than the length of its hash can be guessed offline (RFC 7518, 3.2). Bytes.
_SHORTEST_SECRET = 32
# Fewer different characters than this are no random text.
_FEWEST_CHARACTERS = 10


# Entries of the audit log about refusals of one principal or address.
DENIALS = "100/hour"


def _is_rate(value: str) -> str:
    try:
        Rate.parse(value)
    except RenditorError as error:
        raise ValueError(error.detail) from None
    return value


def _is_limit(value: str) -> str:
    return value if value == OFF else _is_rate(value)


# A setting that reads 10/hour; and one that may also read off.
RateText = Annotated[str, AfterValidator(_is_rate)]
LimitText = Annotated[str, AfterValidator(_is_limit)]


class AccessSettings(BaseModel, extra="forbid"):
    """Whose JWTs are accepted beside the server's own, and how often an address may fail."""

    jwt_issuer: str | None = Field(None, min_length=1, description="`iss` of the JWTs of another issuer.")
    jwt_audience: str | None = Field(None, min_length=1, description="`aud` that its JWTs must name.")
    jwt_secret: SecretStr | None = Field(None, description="Its HS256 secret, 32 bytes or more.")
    jwt_jwks_url: str | None = Field(None, description="Where its public keys (JWKS) are, instead of a secret.")
    jwt_algorithms: tuple[Algorithm, ...] = Field(
        ("RS256", "ES256", "EdDSA"), min_length=1, description="What its public keys may sign with."
    )
    jwt_max_age: int = Field(86_400, ge=60, le=31 * 86_400, description="Longest time from `iat` to `exp`, seconds.")
    jwt_leeway: int = Field(10, ge=0, le=300, description="By how much its clock may differ, seconds.")
    failed_logins: RateText = Field("20/minute", description="Bad keys and tokens from one address, then 429.")
    denials: RateText = Field(
        DENIALS,
        description="Refusals of one principal or address that get an entry of the audit log each; more are counted.",
    )

    @field_validator("jwt_secret")
    @classmethod
    def _cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else None
        if text is not None and (len(text.encode()) < _SHORTEST_SECRET or len(set(text)) < _FEWEST_CHARACTERS):
            raise ValueError(f"give {_SHORTEST_SECRET} random bytes or more, such as those of: openssl rand -hex 32")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> AccessSettings:
        if self.jwt_secret is not None and self.jwt_jwks_url is not None:
            raise ValueError("set jwt_secret or jwt_jwks_url, not both: one issuer signs in one way")
        if self.jwt_jwks_url is not None and not self.jwt_jwks_url.startswith("https://"):
            raise ValueError("jwt_jwks_url begins with https://: whoever changes the keys on their way is everybody")
        source = self.jwt_secret or self.jwt_jwks_url
        if source is not None and not (self.jwt_issuer and self.jwt_audience):
            raise ValueError("jwt_secret and jwt_jwks_url need jwt_issuer and jwt_audience too")
        if source is None and (self.jwt_issuer or self.jwt_audience):
            raise ValueError("jwt_issuer and jwt_audience need jwt_secret or jwt_jwks_url")
        return self
