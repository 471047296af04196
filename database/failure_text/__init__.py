"""Why an attempt failed, as text: the message, the place in the user's code, the traceback, the output."""
