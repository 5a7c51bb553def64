"""The functions that the contract names, and the machine they call (`engine`)."""
