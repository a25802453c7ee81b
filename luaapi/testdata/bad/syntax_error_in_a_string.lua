--! FILE:3: unterminated string near 'not closed' (column 0)
local s = "not closed
return {}
