--! line 2: object table
return {1, 2, run_next = function() return {} end}
