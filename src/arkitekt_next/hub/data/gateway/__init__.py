"""The S3 subset that an embedded hub serves over its own store. `route` is where requests come in."""
