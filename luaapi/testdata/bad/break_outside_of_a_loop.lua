--! FILE:4: syntax error near 'return' (column 6)
local n = 1
break
return {}
