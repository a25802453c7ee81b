--! FILE:2: no configuration
error({message = "no configuration"})
