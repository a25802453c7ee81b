--! FILE:2: syntax error near '=' (column 11)
local x = = 5
return {}
