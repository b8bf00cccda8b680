"""Where truth is kept: the tables, the engines, and the ledger that commits before anything is acknowledged."""
