local M = {}

error("not on this host")
