"""Protocols of uploads as plain machines: what a request says, what it may do, what it leaves. No HTTP, no disk."""
