"""An artifact as an HTTP service: one process, one model, the answers of `verdict predict`."""
