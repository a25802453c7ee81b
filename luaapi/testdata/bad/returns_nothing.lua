--! FILE: the script returns nothing and sets no global CHECKS; expected is a list of checks and handles, or an object with a method run_next
local checks = {}
