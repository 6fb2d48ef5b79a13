"""Labels that come back: a process that counts them by receipt, each once, and what they say of a release."""
