"""Carries out a command on several hosts: wave by wave, each host with a run of its own."""
