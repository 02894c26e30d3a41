--- Accumulators, before there are any workers.

local prunner = require "prunner"
local raises = require("tests.spec.helper").raises

describe("an accumulator", function()
  it("is the same for the same name and kind", function()
    for _, kind in ipairs { "counter", "max", "min", "collector" } do
      assert.are.equal(prunner[kind] "x", prunner[kind] "x")
      assert.are_not.equal(prunner[kind] "x", prunner[kind] "y")
    end
    assert.are_not.equal(prunner.max "x", prunner.min "x")
  end)

  it("needs a name", function()
    for _, kind in ipairs { "counter", "max", "min", "collector" } do
      raises(function() prunner[kind]() end, kind .. ": the name must be a string, got nil")
      raises(function() prunner[kind](5) end, kind .. ": the name must be a string, got number")
      raises(function() prunner[kind](("x"):rep(97)) end, "a name may have up to 96 bytes")
    end
  end)

  it("starts with nothing", function()
    assert.are.equal(0, prunner.counter "fresh":get())
    assert.is_nil(prunner.max "fresh":get())
    assert.is_nil(prunner.min "fresh":get())
    assert.are.same({}, prunner.collector "fresh":get())
  end)

  it("adds up", function()
    local counter, max, min = prunner.counter "sum", prunner.max "sum", prunner.min "sum"
    counter:add()
    counter:add(10)
    counter:add(-0.5)
    for _, v in ipairs { 3, -7, 5, 4 } do
      max:add(v)
      min:add(v)
    end
    assert.are.same({ 10.5, 5, -7 }, { counter:get(), max:get(), min:get() })
  end)

  it("collects every value that can be sent", function()
    local list = prunner.collector "list"
    list:add(1)
    list:add(false)
    list:add({ a = { 5 } })
    list:add(("x"):rep(3e6))
    assert.are.same({ 1, false, { a = { 5 } }, ("x"):rep(3e6) }, list:get())
  end)

  it("names its mistakes", function()
    for _, v in ipairs { "1", {}, true, print } do
      raises(function() prunner.counter "c":add(v) end,
        'counter "c": a number is needed, got ' .. type(v))
      raises(function() prunner.max "c":add(v) end, 'max "c": a number is needed, got ' .. type(v))
      raises(function() prunner.min "c":add(v) end, 'min "c": a number is needed, got ' .. type(v))
    end
    raises(function() prunner.max "c":add() end, 'max "c": a number is needed, got nil')
    for _, kind in ipairs { "counter", "max", "min" } do
      local accumulator = prunner[kind] "mistakes"
      local before = accumulator:get()
      local function refused(problem, ...)
        local arguments = { n = select("#", ...), ... }
        raises(function() accumulator:add(unpack(arguments, 1, arguments.n)) end,
          ('%s "mistakes": %s'):format(kind, problem))
      end
      refused("a number is needed, got nil", nil)
      refused("a number is needed, got nan", 0 / 0)
      refused("a number is needed, got nan", -(0 / 0))
      refused("one number at a time", 1, 2)
      accumulator:add(1 / 0) -- is a number
      assert.are.equal(kind == "counter" and before + 1 / 0 or 1 / 0, accumulator:get())
    end
    raises(function() prunner.collector "c":add(1, 2, 3) end, 'collector "c": one value at a time')
    raises(function() prunner.collector "c":add() end, 'collector "c": the value is nil')
    raises(function() prunner.collector "c":add(io.stdout) end,
      'collector "c": value: a userdata cannot be sent to another process')
    raises(function() prunner.collector "c":add({ x = io.stdout }) end, "at .x: a userdata")
  end)
end)
