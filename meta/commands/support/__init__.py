"""What commands share: options, arguments, printing, exit codes."""
