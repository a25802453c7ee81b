CHECKS = 5
return {}
