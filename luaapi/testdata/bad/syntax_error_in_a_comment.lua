--! FILE: syntax error at the end of the file: something is not closed (a missing `end`, `)` or `}`)
--[[ not closed
return {}
