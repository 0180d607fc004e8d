"""Accounts: who pays. A host app maps its own user or team to an account by a key of its choosing."""
