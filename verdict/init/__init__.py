"""Replace the example by a user's own table: params, pointer, cards."""
