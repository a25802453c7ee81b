local helper = require "../good/modules/helper"
return {}
