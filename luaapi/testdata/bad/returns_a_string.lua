return "checks"
