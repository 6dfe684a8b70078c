"""Collects what a run left behind and renders it as one HTML page."""
