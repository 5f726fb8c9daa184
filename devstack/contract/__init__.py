"""What must agree between services: links, shared values, tokens, WebSocket diagnosis."""
