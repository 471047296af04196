"""What verbs share: options, arguments, printing, exit codes."""
