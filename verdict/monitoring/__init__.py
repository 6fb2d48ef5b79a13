"""What production tells without a text being kept: drift. It imports base and classifier alone."""
