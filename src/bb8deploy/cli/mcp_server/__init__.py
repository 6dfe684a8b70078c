"""The server behind `bb8deploy mcp`: tools for MCP clients, such as AI assistants."""
