"""What staff see: everybody's billing."""
