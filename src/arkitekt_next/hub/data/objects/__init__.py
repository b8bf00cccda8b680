"""The store of objects: the seam `contract`, the hub's `store` of rows and blobs, and where the `blobs` may lie."""
