"""A typed client of a renditor server: uploads that stream, and waiting for what is made of them."""

from renditor.client.answers import Asset, ServerError
from renditor.client.events import Event
from renditor.client.reading import WebReader
from renditor.client.server import Client

__all__ = ["Asset", "Client", "Event", "ServerError", "WebReader"]
