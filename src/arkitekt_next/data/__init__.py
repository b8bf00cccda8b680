"""What the data service goes by: items and their metadata, keys, signatures, provenance. No HTTP, no SQL, no arrays."""
