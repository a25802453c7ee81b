local s = "not closed
return {}
