--! FILE:3: attempt to index a non-table object(nil) with key 'checks'
local config
return config.checks
