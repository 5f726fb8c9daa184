"""Makes a run happen: asyncio lives here."""
