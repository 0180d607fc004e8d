"""Teams: accounts that several people act for, each in a role, and the invitations by which they come."""
