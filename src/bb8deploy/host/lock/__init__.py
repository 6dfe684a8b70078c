"""The lock of one app on one host, over ssh or on a mounted folder."""
