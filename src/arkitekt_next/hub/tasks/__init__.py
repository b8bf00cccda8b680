"""Calls: the ledger of tasks, their life, routing, and who is told."""
