"""Bytes to a machine: ssh and mounted folders."""
