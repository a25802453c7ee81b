local function helper()
  error("no configuration")
end
helper()
return {}
