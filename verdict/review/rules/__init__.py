"""The rules of the gate, one module for each kind."""
