--- Given to ldoc as a filter (`ldoc --filter api_names.dump`): prints what is documented, one line
-- each: its name, the names of its parameters, and what of it has no description.
local M = {}

function M.dump(modules)
  for _, module in ipairs(modules) do
    for item in module.items:iter() do
      local names, bare = {}, {}
      if not (item.summary or ""):find "%S" then bare[1] = "the whole" end
      for _, name in ipairs(item.type == "function" and item.params or {}) do
        if not name:find "%.%l" then names[#names + 1] = name end -- options.retries is a field
        local text = item.params.map and item.params.map[name]
        if name ~= "..." and not (text and text:find "%S") then bare[#bare + 1] = name end
      end
      print(("%s|%s|%s"):format(item.name, table.concat(names, " "), table.concat(bare, " ")))
    end
  end
end

return M
