--! FILE:2: os.exit: a script cannot end the daemon; use error to end the check\n	called from: [G]: in function 'exit', FILE:2: in main chunk
os.exit(1)
