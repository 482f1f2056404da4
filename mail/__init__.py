"""E-mail out: servers, the queue, delivery. Has never heard of a chatter."""
