"""How hubs wake each other. Truth is in SQL; what the bus loses is read again from there."""

from arkitekt_next.bus.contract import Bus, Handler
from arkitekt_next.bus.memory import Exchange, MemoryBus

__all__ = ["Bus", "Exchange", "Handler", "MemoryBus", "open_bus"]


async def open_bus(url: str | None) -> Bus:
    """Open the bus at a `nats://` address, or one inside this process when there is none."""
    if url is None:
        return MemoryBus()
    from arkitekt_next.bus.nats import NatsBus

    return await NatsBus.connect(url)
