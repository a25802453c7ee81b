return {
  {run = function() end
