local x <const> = 5
return {}
