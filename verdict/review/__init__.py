"""What a reviewer gets: is the lock true, did the model get better or worse, may it pass."""
