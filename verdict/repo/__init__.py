"""Git and DVC as data: revisions, dvc.lock, objects, remotes, `dvc repro`. No other package imports dvc."""
