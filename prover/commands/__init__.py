"""The commands of ``zkmargin``, one file a group: they read options, call the rest of the package, and print."""
