error({message = "no configuration"})
