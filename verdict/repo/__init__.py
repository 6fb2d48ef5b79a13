"""Git and DVC: revisions, dvc.lock, objects, remotes, `dvc repro`. No other package imports dvc."""
