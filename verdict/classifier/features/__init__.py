"""Features of text: TF-IDF or hashed n-grams of marked words and characters, or token ids."""
