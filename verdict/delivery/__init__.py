"""From a merged model to its users: version, image, tag, roll-out, and the way back."""
