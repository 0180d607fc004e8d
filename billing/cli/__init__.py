"""Floor 4: the commands of people who run a deployment."""
