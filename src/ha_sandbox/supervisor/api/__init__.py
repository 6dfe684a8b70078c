"""The Supervisor's REST API: routes, answers, and the HTTP server in front of them."""
