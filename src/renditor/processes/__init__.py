"""The processes of a server: web, renderer, worker. ``renditor serve`` starts the supervisor, the supervisor these.

Each reads the settings anew from file and environment, and dies with its parent. Exit status 2 says that the settings
are wrong: the supervisor does not try again. Each has a module of its own, so that none imports what it does not need.
"""
