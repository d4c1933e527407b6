"""The command: flags in, exit code out. One file a command; nothing imports this folder."""
