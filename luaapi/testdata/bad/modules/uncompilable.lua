local x = 5
break
