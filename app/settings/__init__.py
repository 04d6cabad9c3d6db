"""The settings: one frozen schema under an overlay; ``overlay.load`` is the way in."""
