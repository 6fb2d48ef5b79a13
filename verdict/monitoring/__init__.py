"""What production tells without a text being kept: drift, and labels that came back."""
