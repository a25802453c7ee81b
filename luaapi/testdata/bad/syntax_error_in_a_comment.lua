--[[ not closed
return {}
