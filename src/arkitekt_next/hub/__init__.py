"""The server: who may do what, which functions exist, every call and its record. It never runs user code."""
