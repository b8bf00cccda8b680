"""What a client has to know of this hub before it comes. Source: RFC 8414 §2, OpenID Connect Discovery 1.0 §3."""

from __future__ import annotations

from typing import Any

from arkitekt_next.hub.accounts.keys import ALGORITHM

from .scopes import SUPPORTED

DEVICE_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
REDEEM_GRANT_TYPE = "urn:arkitekt:params:oauth:grant-type:redeem_token"
_SECRETS = ["client_secret_basic", "client_secret_post"]


def server_metadata(issuer: str) -> dict[str, Any]:
    """Describe the authorization server (RFC 8414)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": list(SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_GRANT_TYPE, REDEEM_GRANT_TYPE],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", *_SECRETS],
        "revocation_endpoint_auth_methods_supported": ["none", *_SECRETS],
        "introspection_endpoint_auth_methods_supported": list(_SECRETS),
        "authorization_response_iss_parameter_supported": True,
    }


def provider_metadata(issuer: str) -> dict[str, Any]:
    """Describe the OpenID provider."""
    return {
        **server_metadata(issuer),
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "sid", "nonce", "name"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
