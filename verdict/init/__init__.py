"""Puts somebody's own table in the place of the example: params, pointer, cards."""
