"""The hub's own pages: setting up an account, signing in, letting apps and people in. Plain HTML, from the server."""
