"""The fault matrix: every fault of a table at every moment of a ticket's life, judged by what the account holds."""
