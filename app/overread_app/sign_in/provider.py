"""Signing in at an OpenID Connect provider: Streamlit's `st.login`, up to the cookie that says whom it found.

Streamlit's own routes lead to the provider and check its answer. Its cookie is then exchanged for a session of ours,
and deleted: what the provider says of a person's name, address or groups is not looked at.
"""

import json
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from overread_app.serving import Place, Provider

COOKIE = "_streamlit_user"
COOKIES = (COOKIE, "_streamlit_user_tokens")
ROUTES = ("/auth/login", "/oauth2callback")
"""Streamlit's own: to the provider, and back."""


class Subject(NamedTuple):
    """By whom, and as whom, a person was identified."""

    issuer: str
    subject: str


def login_secrets(place: Place, provider: Provider) -> dict[str, dict[str, str]]:
    """What Streamlit's sign-in needs, as its secrets. The key of its cookies is new at each start."""
    own = {"redirect_uri": f"{place.url}/oauth2callback", "cookie_secret": secrets.token_hex(32)}
    fields = {name: getattr(provider, name) for name in ("server_metadata_url", "client_id", "client_secret")}
    return {"auth": own | fields}


def login_url() -> str:
    """Where `st.login` sends a browser; good for two minutes."""
    from streamlit.user_info import generate_login_redirect_url

    return generate_login_redirect_url("default")


def signed_in_subject(cookies: Mapping[str, str]) -> Subject | None:
    """Whom Streamlit's cookie names; None where there is none, or it was not signed by this server."""
    from streamlit.auth_util import get_cookie_with_chunks
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        return decode_signed_value(get_cookie_secret(), name, value) if value else None

    content = get_cookie_with_chunks(signed, COOKIE)
    claims = json.loads(content) if content else {}
    issuer, subject = claims.get("iss"), claims.get("sub")
    return Subject(issuer, subject) if isinstance(issuer, str) and isinstance(subject, str) and subject else None
