"""Connections: the websocket, leases, and the agents behind them."""
