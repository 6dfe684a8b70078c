"""Collects what a run left and renders it as one HTML page."""
