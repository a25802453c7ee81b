local x = = 5
return {}
