--- Medians and their spread.

local statistics = {}

function statistics.median(values)
  local sorted = { unpack(values) }
  table.sort(sorted)
  local middle = (#sorted + 1) / 2
  return (sorted[math.floor(middle)] + sorted[math.ceil(middle)]) / 2
end

--- The three numbers that a table shows of a list of values.
function statistics.summary(values)
  return {
    median = statistics.median(values),
    min = math.min(unpack(values)),
    max = math.max(unpack(values)),
  }
end

--- A list made of two, element by element: values of the same round belong together, so what slows
-- down the machine for a while counts for both.
function statistics.pairwise(a, b, operation)
  local list = {}
  for i = 1, math.min(#a, #b) do list[i] = operation(a[i], b[i]) end
  return list
end

return statistics
