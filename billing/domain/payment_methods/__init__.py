"""Payment methods: what a customer pays with, as far as it may be shown."""
