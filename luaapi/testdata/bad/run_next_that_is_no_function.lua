return {run_next = 5}
