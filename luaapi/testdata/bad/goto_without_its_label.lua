--! FILE:4: no visible label 'there' for <goto> at line 2
goto there
return {}
