--! FILE:2: syntax error near '{' (column 1)
{"checks": []}
