"""Home Assistant Core as a deploy tool sees it: REST and WebSocket on one port, with a long-lived token."""
