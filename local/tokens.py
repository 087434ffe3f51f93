"""Tokens: for people by group, for machines by scope; kept while they are valid."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import httpx

from local.aws import client
from local.hubfile import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.instance import Instance

MARGIN_S = 120


class NoToken(Exception):
    """There is no such group or scope."""


def for_group(instance: Instance, group: str) -> str:
    """An access token of this machine's own person in a group; the person is made where there is none. Raises NoToken."""
    return _kept(instance, f"group {group}", lambda: _sign_in(instance, group))


def for_scopes(instance: Instance, scopes: Sequence[str], client_name: str = "Cli") -> str:
    """An access token of a client with credentials, for these scopes. Raises NoToken."""
    wanted = " ".join(sorted(scopes))
    return _kept(instance, f"client {client_name} {wanted}", lambda: _client_credentials(instance, client_name, wanted))


def secret_of(instance: Instance, client_name: str) -> tuple[str, str]:
    """A client's id and secret."""
    hub = read(instance)
    client_id = hub["clients"][client_name]
    described = client(instance, "cognito-idp").describe_user_pool_client(UserPoolId=hub["user_pool_id"], ClientId=client_id)
    return client_id, described["UserPoolClient"]["ClientSecret"]


def _kept(instance: Instance, name: str, fetch: Any) -> str:  # a callable of two results
    store = instance.home / "tokens.json"
    hub = read(instance)
    key = f"{hub['user_pool_id']} {name}"
    known: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    found = known.get(key)
    if found and found["until"] > time.time() + MARGIN_S:
        return str(found["token"])
    token, lifetime = fetch()
    known[key] = {"token": token, "until": time.time() + lifetime}
    # Several commands may do this at once; each replaces the file as a whole.
    part = store.with_suffix(f".{secrets.token_hex(4)}")
    part.touch(mode=0o600)
    part.write_text(json.dumps(known))
    part.replace(store)
    return str(token)


def _sign_in(instance: Instance, group: str) -> tuple[str, int]:
    hub = read(instance)
    pool, name, password = hub["user_pool_id"], f"local-{group}", secrets.token_urlsafe(24) + "aA1!"
    cognito = client(instance, "cognito-idp")
    groups = [found["GroupName"] for found in cognito.list_groups(UserPoolId=pool)["Groups"]]
    if group not in groups:
        raise NoToken(f"there is no group {group}; there are {', '.join(sorted(groups))}")
    # Somebody known from before gets a new password below.
    with contextlib.suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(UserPoolId=pool, Username=name, TemporaryPassword=password, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    answer = cognito.initiate_auth(
        ClientId=hub["clients"]["People"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": name, "PASSWORD": password}
    )
    result = answer["AuthenticationResult"]
    return result["AccessToken"], int(result["ExpiresIn"])


def _client_credentials(instance: Instance, client_name: str, scopes: str) -> tuple[str, int]:
    client_id, secret = secret_of(instance, client_name)
    answer = httpx.post(
        f"{instance.endpoint}/oauth2/token",
        data={"grant_type": "client_credentials", "scope": scopes},
        auth=(client_id, secret),
        timeout=30,
    )
    if answer.status_code == httpx.codes.BAD_REQUEST:
        raise NoToken(
            f"no token for {scopes}: {answer.json().get('error', answer.text)}; scopes are such as orders/read, inventory/write"
        )
    answer.raise_for_status()
    found = answer.json()
    return found["access_token"], int(found["expires_in"])
