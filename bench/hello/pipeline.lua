-- wrk: sixteen requests at a time on each connection.
init = function()
  local one = {}
  for i = 1, 16 do one[i] = wrk.format() end
  batch = table.concat(one)
end
request = function() return batch end
