"""The functions that the contract names, and the machine they call (`engine`)."""

import warnings

# connexion imports starlette's test client, which warns of its own dependencies; nobody who starts a server needs that.
warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient` is deprecated")
