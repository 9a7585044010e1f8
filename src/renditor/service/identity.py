"""Who asks: from what a request shows to a principal, or to a refusal that is written down."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from renditor import observe
from renditor.access import apikeys, tokens
from renditor.access.jwt import JwtVerifier, issue
from renditor.access.tokens import NewToken, UploadToken
from renditor.catalog import keys
from renditor.catalog import tokens as token_rows
from renditor.catalog.base import Catalog
from renditor.errors import Forbidden, NotFound, Unauthenticated
from renditor.models import ApiKey, Credentials, MediaType, Need, Principal, is_id, now_ms
from renditor.service.auditing import Audit
from renditor.service.keyrings import Keyrings
from renditor.service.limits import Limits, expect_admitted

_HINT = "Send `Authorization: Bearer KEY`; `renditor keys create` makes a key."


@dataclass(frozen=True, slots=True)
class Identity:
    """Tells who makes a request. ``limits``: how many bad keys one address may show."""

    catalog: Catalog
    keyrings: Keyrings
    verifier: JwtVerifier
    audit: Audit
    limits: Limits

    async def authenticate(self, shown: Credentials, need: Need) -> Principal:
        """The principal behind what was shown.

        Raises: Unauthenticated; Forbidden: what it opens is not enough; TooManyRequests: too many bad keys from this
        address.
        """
        try:
            found = await self._known(shown)
        except Unauthenticated as refusal:
            await self._failed(shown, refusal)
            raise
        principal = replace(found, address=shown.address, request_id=shown.request_id)
        if not principal.may(need):
            await self.audit.denied(shown, principal, Forbidden.code)
            observe.log().warning("access_denied", owner=principal.owner, key=principal.key_id, scope=need)
            raise Forbidden(_needed(need))
        return principal

    async def is_good(self, shown: Credentials) -> bool:
        """Whether what was shown before is good still. It is no attempt, and counts as none. Raises: Unavailable."""
        try:
            await self._known(shown)
        except Unauthenticated:
            return False
        return True

    async def _known(self, shown: Credentials) -> Principal:
        scheme, _, text = (shown.authorization or "").partition(" ")
        text = text.strip(" \t")
        if shown.authorization is None and shown.token is not None:
            # URLs stand in logs of proxies and in histories: nothing that lasts longer than an upload token goes there.
            scheme, text = "bearer", shown.token if shown.token.startswith("rt_") else ""
        if scheme.lower() != "bearer" or not text:
            raise Unauthenticated(hint=_HINT)
        if text.startswith("rt_"):
            token_id, secret = tokens.split(text)
            found, maker = await self.catalog.read(lambda c: _token(c, token_id))
            return tokens.verify(found, secret, maker)
        if text.startswith("rk_"):
            key_id, secret = apikeys.split(text)
            return apikeys.verify(await self.catalog.read(lambda c: keys.get(c, key_id)), secret)
        if text.count(".") == 2:
            return await self.verifier.verify(text)
        raise Unauthenticated(hint=_HINT)

    async def _failed(self, shown: Credentials, refusal: Unauthenticated) -> None:
        """Count a failure, and write it down while it counts. Raises: TooManyRequests: there were too many.

        A good key is not held up: whoever shares an address with an attacker is not locked out.
        """
        limited = await self.limits.admit_failure(shown.address)
        expect_admitted(limited)
        await self.audit.denied(shown, None, refusal.error_code)
        observe.log().warning("authentication_failed", address=shown.address, code=refusal.error_code)

    async def issue_upload_token(
        self,
        principal: Principal,
        seconds: int,
        uploads: int,
        max_bytes: int | None = None,
        media_types: frozenset[MediaType] = frozenset(),
    ) -> NewToken:
        """A token with which a browser may upload in the name of ``principal``. Raises: BadRequest: for too long."""
        new = tokens.create(principal, seconds, uploads, max_bytes, media_types)
        values = {one.name: getattr(new.token, one.name) for one in fields(UploadToken)}
        values["media_types"] = ",".join(sorted(new.token.media_types))
        note = await self.audit.note(principal, "token.create", new.token.id, uploads=uploads, seconds=seconds)

        def work(connection: Any) -> None:
            token_rows.insert(connection, values, new.secret_hash)
            note(connection)

        await self.catalog.write(work)
        return new

    async def revoke_upload_token(self, principal: Principal, token_id: str) -> None:
        """From now on it opens nothing. Raises: NotFound."""
        if not is_id(token_id):
            raise NotFound
        note = await self.audit.note(principal, "token.revoke", token_id)

        def work(connection: Any) -> None:
            if not token_rows.revoke(connection, principal.tenant, principal.owner, token_id, now_ms()):
                raise NotFound
            note(connection)

        await self.catalog.write(work)

    def issue_jwt(self, owner: str, scopes: frozenset[str], seconds: int, tenant: str) -> str:
        """A JWT of the server's own. Blocking; for whoever holds the data folder."""
        return issue(self.keyrings.of_now("tokens").signing, owner, scopes, seconds, tenant)


def _needed(need: Need) -> str:
    if need == "upload":
        return "This needs a key with the scope 'write', or an upload token."
    return f"This needs a key with the scope {'read' if need == 'follow' else need!r}."


def _token(connection: Any, token_id: str) -> tuple[tuple[UploadToken, str] | None, ApiKey | None]:
    row = token_rows.get(connection, token_id)
    if row is None:
        return None, None
    secret_hash = row.pop("secret_hash")
    token = UploadToken(**row | {"media_types": frozenset(filter(None, row["media_types"].split(",")))})
    maker = keys.get(connection, token.made_by)
    return (token, secret_hash), maker and maker[0]
