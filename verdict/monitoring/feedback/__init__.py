"""Labels that come back: a service that counts each once, by its receipt, and the accuracy of releases by them."""
