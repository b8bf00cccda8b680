"""The hub's half of the data service: items, grants, and the store that the S3 subset serves."""
