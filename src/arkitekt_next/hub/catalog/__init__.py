"""Which functions exist: apps, releases, actions, definitions, and who implements them now."""
