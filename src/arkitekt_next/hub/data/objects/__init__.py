"""The store of objects: the seam `contract`, and the one over a folder that an embedded hub has."""
