--- The class API, as far as it goes without workers.

local prunner = require "prunner"
local core = require("prunner.native").core
local raises = require("tests.spec.helper").raises

local Base = prunner.ParallelTaskRunner

describe("prunner.ParallelTaskRunner", function()
  it("can be extended, and the result again", function()
    local A = Base:extend()
    function A:name() return "A" .. self.n end -- luacheck: ignore
    local B = A:extend()
    function B:run() end -- luacheck: ignore
    local a, b = A:new(3, true, { x = 1 }), B:new(4)
    assert.are.equal("A3", a:name())
    assert.are.equal("A4", b:name())
    assert.are.same({ 3, true, { x = 1 } }, { a.n, a.debug, a.options })
    assert.are.equal(B.run, b.run)
    assert.are.equal(Base.run, a.run)
    assert.is_nil(rawget(Base, "name"))
  end)

  it("gives its objects a queue, the shared dict and the global lock", function()
    local r = Base:extend():new(2)
    assert.are.equal(prunner.dict, r.dict_)
    assert.are.equal("global_lock", tostring(r.lock))
    assert.are.equal("function", type(r.queue.put))
  end)

  it("keeps metamethods in what extends it", function()
    local A = Base:extend()
    A.__tostring = function() return "an A" end
    assert.are.equal("an A", tostring(A:new()))
    assert.are.equal("an A", tostring(A:extend():new()))
  end)

  it("says that run is missing", function()
    local r = Base:extend():new()
    raises(function() r:run() end, "a class derived from ParallelTaskRunner needs a method run(task)")
  end)

  it("takes tasks only, and only in begin and tasks", function()
    local r = Base:extend():new()
    raises(function() r.queue:put(5) end, "queue:put: the argument must be a prunner.Task")
    raises(function() r.queue:put() end, "queue:put: the argument must be a prunner.Task")
    raises(function() r.queue:put({ label = "x" }) end, "the argument must be a prunner.Task")
    raises(function() r.queue:put(prunner.Task("x")) end,
      "tasks are posted by begin() and by tasks, not while the script loads")
    core.begin_open()
    r.queue:put(prunner.Task("x", { 1 }))
    raises(function() r.queue:put(prunner.Task("x", io.stdout)) end, "at .data: a userdata cannot")
    core.begin_close(false)
  end)

  it("checks the number of workers when it starts", function()
    for _, n in ipairs { 0, -1, 1.5, 4001, "x", {} } do
      local r = Base:extend():new(n)
      raises(function() r:start() end,
        "the number of workers must be a whole number from 1 to 4000, got " .. tostring(n))
    end
  end)
end)

describe("prunner.Task", function()
  it("has a label and data", function()
    local t = prunner.Task("label", { 5 })
    assert.are.equal("label", t.label)
    assert.are.same({ 5 }, t.data)
    assert.is_nil(prunner.Task("label").data)
  end)
end)
