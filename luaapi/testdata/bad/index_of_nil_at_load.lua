local config
return config.checks
