"""From a merged model to a release: what it would be called, its image, its tag, and whether all that is told is so."""
