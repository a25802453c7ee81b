--! FILE:3: no configuration\n	called from: FILE:3: in function 'helper', FILE:5: in main chunk
local function helper()
  error("no configuration")
end
helper()
return {}
