"""From a merged model to what runs: its version, its image, its tag, and whether all that is told of them is so."""
