"""Ingress: how pages of apps reach a browser through Core and the Supervisor."""
