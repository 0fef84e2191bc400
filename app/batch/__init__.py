"""Many recordings by one command: which they are, what is done already, and the processes that do the rest."""
