"""`python -I -m verdict.serving`: what `verdict serve` does, for an image, which holds none of the other commands."""

if __name__ == "__main__":
    from verdict.base.isolated import start_again
    from verdict.base.numerics import pin

    start_again("verdict.serving")
    pin()  # before any import of numpy or torch: they read these settings once, when they load

import argparse
import sys

from verdict.serving.command import arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="verdict serve", description="Answer over HTTP.")
    arguments(parser)
    sys.exit(run(parser.parse_args()))
