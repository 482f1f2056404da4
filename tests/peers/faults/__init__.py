"""What may go wrong while mail goes out, really done: nothing is lost, and what came twice is told."""
