"""The OAuth 2.0 and OpenID Connect server of a hub: what programs ask for, and how they get tokens."""
