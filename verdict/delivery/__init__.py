"""From a merged model to what serves: its version, its image, its tag, and its way to users and back."""
