"""The commands of `verdict`, a module each: parse, call, print."""
