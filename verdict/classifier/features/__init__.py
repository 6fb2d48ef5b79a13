"""What models read: TF-IDF of marked words and characters, or token ids."""
