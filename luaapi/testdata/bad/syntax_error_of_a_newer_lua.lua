--! FILE:2: syntax error near '<' (column 9)
local x <const> = 5
return {}
