"""Options, arguments, printing and exit codes, which all commands share."""
