"""From what was reviewed to what serves: releases, images, and their way to users and back."""
