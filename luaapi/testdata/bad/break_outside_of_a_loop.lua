local n = 1
break
return {}
