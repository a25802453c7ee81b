local checks = {}
