--- Handles of shared objects are no tables: what people do with tables raises, in words.
local core = require "prunner.core"
local prunner = require "prunner"
local registry = require "prunner.registry"

local manager = prunner.get_manager()
local handles = {
  dict = prunner.dict,
  ["dict of the manager"] = manager:dict "handle_spec",
  lock = prunner.lock "handle_spec",
  counter = prunner.counter "handle_spec",
  max = prunner.max "handle_spec",
  min = prunner.min "handle_spec",
  collect = prunner.collector "handle_spec",
  manager = manager,
  queue = manager:queue "handle_spec",
  value = manager:value "handle_spec",
  ["queue of a runner"] = prunner.ParallelTaskRunner:new().queue,
}

-- What an error says, with the line of whoever did it.
local function refused(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.has_match("^[^ ]*handle_spec%.lua:%d+: a %l+ is not a table: ", problem)
  return problem
end

describe("a handle", function()
  for what, handle in pairs(handles) do
    it("refuses what is for tables: " .. what, function()
      refused(function() pairs(handle) end)
      refused(function() ipairs(handle) end)
      refused(function() for k in handle do prunner.dict.x = k end end)
      refused(function() return #handle end)
      assert.is_false(pcall(next, handle))
      assert.is_false(pcall(rawget, handle, "id"))
      assert.is_false(pcall(rawset, handle, "id", 1))
      assert.is_false(pcall(unpack, handle))
      assert.is_false(pcall(table.concat, handle))
    end)

    it("is one for each object, and a key, and sent as itself: " .. what, function()
      registry.walk()
      local list = core.decode(core.encode { handle, { handle }, [3] = handle })
      assert.is_true(list[1] == handle and list[2][1] == handle and list[3] == handle)
      assert.are.equal("it", ({ [handle] = "it" })[list[1]])
      assert.are.equal("cdata", type(handle))
      assert.is_false(handle == nil or handle == 1 or handle == "x" or handle == false or handle == {})
      for other_name, other in pairs(handles) do
        assert.are.equal(other_name == what, rawequal(handle, other))
      end
    end)
  end

  it("says so if a method is called with a dot", function()
    local methods = {
      counter = { "add", "get" }, max = { "add", "get" }, min = { "add", "get" }, collect = { "add", "get" },
      dict = { "get", "set", "add", "incr", "append", "cas", "update", "delete", "len", "each" },
      lock = { "acquire", "try_acquire", "release", "with" },
      queue = { "put", "get", "len" }, value = { "get", "set", "incr", "update" },
    }
    for what, names in pairs(methods) do
      for _, name in ipairs(names) do
        for _, self in ipairs { 1, "k", {}, print } do
          local ok, problem = pcall(function() local result = handles[what][name](self, 1) return result end)
          assert.is_false(ok)
          assert.has_match("^[^ ]*handle_spec%.lua:%d+: %l+: " .. name .. " was not called on a %l+: write x:" .. name
            .. "%(%.%.%.%), with a colon$", problem)
        end
        assert.is_false(pcall(handles[what][name]))
      end
    end
  end)

  it("has no fields to be set, unless it is a dict", function()
    for what, handle in pairs(handles) do
      if not what:find "dict" then
        assert.has_match("no fields to be set", refused(function() handle.x = 1 end))
        assert.is_false(pcall(function() return handle.no_such_method end))
      end
    end
  end)

  it("of a dict says what to use", function()
    local problem = refused(function() pairs(prunner.dict) end)
    assert.has_match("a dict is not a table: use d:each%(%) for pairs%(d%), d:len%(%) for #d$", problem)
  end)

  it("says what it is", function()
    assert.are.equal('counter "handle_spec"', tostring(handles.counter))
    assert.are.equal('lock "handle_spec"', tostring(handles.lock))
    assert.are.equal('value "handle_spec"', tostring(handles.value))
    assert.has_match("^prunner.dict: %d+ keys$", tostring(handles.dict))
  end)

  it("of another kind is refused by a method", function()
    local classes = require("prunner.accumulators").classes
    local Counter, Lock = classes[1], require("prunner.lock").classes[1]
    assert.is_false(pcall(Counter.add, handles.max, 1))
    assert.is_false(pcall(Counter.add, handles.lock, 1))
    assert.is_false(pcall(Lock.acquire, handles.counter))
    assert.is_false(pcall(Lock.acquire, handles.dict))
    assert.is_false(pcall(prunner.dict.get, handles.lock, "k"))
  end)

  it("of a value is garbage when nobody has it", function()
    local weak = setmetatable({}, { __mode = "k" })
    for i = 1, 100 do
      local value = manager:value("garbage " .. i)
      assert.are.equal(i % 2 == 0, i % 2 == 0 and manager:value("garbage " .. i) == value)
      value:set(i)
      weak[value] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(next(weak) == nil)
    assert.are.equal(100, manager:value "garbage 100":get())
  end)

  it("is not made of damaged bytes", function()
    registry.walk()
    for _, module in ipairs { "accumulators", "dict", "lock" } do
      for _, class in ipairs(require("prunner." .. module).classes) do
        local bytes = core.encode(setmetatable({ id = "x", number = "x", name = 5 }, class))
        local ok, problem = pcall(core.decode, bytes)
        assert.is_false(ok)
        assert.has_match("damaged bytes", problem)
      end
    end
  end)
end)
