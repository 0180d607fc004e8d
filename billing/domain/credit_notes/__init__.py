"""Credit notes: what an invoice asks for less, or what of it was given back."""
