"""How fast pages and gates read, however much there is."""
