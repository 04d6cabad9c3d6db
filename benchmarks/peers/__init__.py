"""Other model servers, without any protection, beside the gateway with all of its own."""
