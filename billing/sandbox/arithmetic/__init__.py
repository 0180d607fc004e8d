"""Pure functions on amounts and times: they know no store and no wire."""
