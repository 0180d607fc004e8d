"""Notifications: what happens to an account, told to the host app by signals and to its people by mail."""
