"""What the gateway costs, measured from outside and step by step."""
