--- prunner.native: the constants that C hands to Lua.

local core = require("prunner.native").core

local TABLES = {
  "NAMED", "DICT_OP", "RESULT", "KEY", "ACCUMULATOR", "POST", "WAIT", "POLLER", "PROGRAM", "QUEUE", "LOOKUP",
  "EXIT", "MAX", "errno",
}

describe("the constants of prunner.core", function()
  it("are whole numbers, each once in its table", function()
    for _, name in ipairs(TABLES) do
      local seen, n = {}, 0
      for key, value in pairs(core[name]) do
        assert.are.equal("number", type(value), name .. "." .. key)
        assert.are.equal(0, value % 1)
        if name ~= "MAX" then assert.is_nil(seen[value], name .. "." .. key) end
        seen[value], n = true, n + 1
      end
      assert.is_true(n > 0, name)
    end
  end)

  it("are all that core has of tables", function()
    local listed = {}
    for _, name in ipairs(TABLES) do listed[name] = true end
    for name, value in pairs(core) do
      if type(value) == "table" then assert.is_true(listed[name], name) end
    end
  end)

  it("raise where a name is misspelt", function()
    for _, name in ipairs(TABLES) do
      assert.has_error(function() return core[name].MISSPELT end,
        ("prunner.core has no %s.MISSPELT"):format(name))
    end
  end)

  it("are used by their names: no module repeats the number of an errno", function()
    local pipe = assert(io.popen "ls lua/prunner/*.lua lua/prunner/*/*.lua")
    for path in pipe:lines() do
      local file = assert(io.open(path))
      local text = file:read "*a":gsub("%-%-[^\n]*", "")
      file:close()
      assert.is_nil(text:match "err [=~]= %-%d", path)
    end
    pipe:close()
  end)
end)
