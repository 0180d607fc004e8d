"""Access: what an account may use now, and why, from the local tables alone."""
