--- get_manager(): dicts, locks, queues and values by name, before there are any workers.

local prunner = require "prunner"
local raises = require("tests.spec.helper").raises

local manager = prunner.get_manager()

describe("prunner.get_manager", function()
  it("returns the same each time", function()
    assert.are.equal(manager, prunner.get_manager())
  end)

  it("has dicts of their own", function()
    local a, b = manager:dict "a", manager:dict "b"
    a.x, b.x = 1, 2
    assert.are.same({ 1, 2 }, { a.x, b.x })
    assert.are.equal(a, manager:dict "a")
    assert.is_nil(prunner.dict.x)
    local list = {}
    for k, v in a:each() do list[#list + 1] = { k, v } end
    assert.are.same({ { "x", 1 } }, list)
  end)

  it("has queues, first in, first out", function()
    local queue = manager:queue "q"
    assert.is_nil(queue:get())
    for i = 1, 100 do queue:put { i } end
    queue:put "last"
    queue:put(false)
    assert.are.equal(102, queue:len())
    for i = 1, 100 do assert.are.same({ i }, manager:queue "q":get()) end
    assert.are.equal("last", queue:get())
    assert.are.equal(false, queue:get())
    assert.is_nil(queue:get())
    assert.is_nil(queue:get(0.02))
    assert.are.equal(0, queue:len())
    assert.is_nil(manager:queue "other":get())
  end)

  it("has single values", function()
    local v = manager:value("v", 5)
    assert.are.equal(5, v:get())
    assert.are.equal(5, manager:value("v", 6):get())
    v:set { 1 }
    assert.are.same({ 1 }, manager:value "v":get())
    v:set(1)
    assert.are.equal(3, v:incr(2))
    assert.are.equal(6, v:update(function(old) return 2 * old end))
    assert.are.equal(6, v:get())
    assert.is_nil(manager:value "unset":get())
  end)

  it("names its mistakes", function()
    for _, kind in ipairs { "dict", "lock", "queue", "value" } do
      raises(function() manager[kind](manager) end, kind .. ": the name must be a string, got nil")
      raises(function() manager[kind](manager, 5) end, kind .. ": the name must be a string")
      raises(function() manager[kind](manager, ("x"):rep(97)) end, "a name may have up to 9")
    end
    raises(function() manager:queue "q":put() end, "queue: the value is nil")
    raises(function() manager:queue "q":put(io.stdout) end,
      "queue: value: a userdata cannot be sent")
    raises(function() manager:queue "q":get("x") end, "queue: seconds must be a number, got string")
    raises(function() manager:queue "q":get(0 / 0) end, "queue: seconds must be a number, got nan")
    raises(function() manager:value "v":incr("x") end, "must be a number, got string")
    raises(function() manager:value "v":update(5) end, "must be a function, got number")
    raises(function() manager:value "v":set(io.stdout) end, "a userdata cannot be sent")
    raises(function() manager:value("v2", io.stdout) end, "a userdata cannot be sent")
    raises(function() manager:queue "q":put(1, 2) end, "queue: one value at a time")
    raises(function() manager:queue "q":get(0 / 0) end, "queue: seconds must be a number, got nan")
    raises(function() manager:value "v":set(1, 2) end, "dict: set: too many arguments")
    raises(function() manager:value "v":incr(nil) end, "must be a number, got nil")
    for _, method in ipairs { "put", "get" } do
      local queue = manager:queue "q"
      raises(function() prunner.dict:update("k", function() queue[method](queue, 1) end) end,
        "queue: not in the function of d:update, which may run several times")
    end
    assert.are.equal(0, manager:queue "q":len())
  end)
end)
