"""What travels between a hub and its clients: messages, life cycle, session. No I/O happens here."""
