"""The only way out: the client that fetches from addresses which strangers name, and the addresses it may reach."""
