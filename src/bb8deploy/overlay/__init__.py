"""What is delivered to a host: the workspace's tree and the files that a deploy generates for a purpose.

`deliver` in `delivery.py` is the one way from an app to a delivery. The package is pure: it reads no file,
and the workspace and the published tree never see what it generates.
"""
