"""Signing in with an OpenID Connect provider that the hub was told to believe: this hub is its client."""
