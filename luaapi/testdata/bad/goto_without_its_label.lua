goto there
return {}
