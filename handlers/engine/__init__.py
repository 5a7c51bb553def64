"""The machine that the handlers call: from a request that satisfies the contract to an answer that does."""
