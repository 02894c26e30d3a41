--- init, start and the small functions of prunner, before there are any workers.

local prunner = require "prunner"
local core = require("prunner.native").core
local raises = require("tests.spec.helper").raises

local function nothing() end

describe("prunner.init", function()
  it("takes a number of workers, debug and two hooks, each optional", function()
    prunner.init(3, false, nothing, nothing)
    assert.are.equal(3, prunner.nworkers())
    prunner.init()
    prunner.init(nil, nil, nothing)
    prunner.init(nil, nil, nil, nothing)
    assert.are.equal(3, prunner.nworkers())
  end)

  it("names its mistakes", function()
    for _, n in ipairs { 0, -1, 1.5, 4001, "4", {}, 0 / 0, 1 / 0, true } do
      raises(function() prunner.init(n, false, nothing, nothing) end,
        "init: the number of workers must be a whole number from 1 to 4000, got " .. tostring(n))
    end
    raises(function() prunner.init(1, false, 5) end, "init: begin must be a function, got number")
    raises(function() prunner.init(1, false, nil, {}) end,
      "init: end_ must be a function, got table")
  end)
end)

describe("prunner", function()
  it("has a version", function()
    assert.has_match("^%d+%.%d+%.%d+", prunner._VERSION)
  end)

  it("knows that no worker and no task runs", function()
    assert.are.equal(0, prunner.worker_id())
    assert.are.equal(0, prunner.task_id())
    assert.are.equal(0, prunner.attempt())
    assert.are.equal("loading", core.moment())
    assert.are.same({ posted = 0, finished = 0, failed = 0, retried = 0, quarantined = 0, pending = 0,
      steals = 0, lost_claims = 0, wakes = 0, parks = 0,
      duplicates = 0 }, prunner.stats())
  end)

  it("range makes lists", function()
    assert.are.same({ 0, 1, 2 }, prunner.range(3))
    assert.are.same({ 2, 3, 4 }, prunner.range(2, 5))
    assert.are.same({}, prunner.range(0))
    assert.are.same({}, prunner.range(5, 5))
    assert.are.same({ -1, 0 }, prunner.range(-1, 1))
    raises(function() prunner.range() end, "range: finite numbers are needed")
    for _, arguments in ipairs { { 1e300 }, { -1e300, 5 }, { 2 ^ 53, 2 ^ 53 + 4 }, { 2 ^ 28 } } do
      raises(function() prunner.range(unpack(arguments)) end, "range: a list may have up to 134217728 numbers")
    end
    raises(function() prunner.range("3") end, "range: finite numbers are needed")
    raises(function() prunner.range(1, "3") end, "range: finite numbers are needed")
  end)

  it("has every name that is promised", function()
    for _, name in ipairs {
      "ParallelTaskRunner", "Task", "attempt", "collector", "commit", "counter", "cursor", "dict",
      "get_dict", "get_manager", "global_lock", "init", "lock", "max", "min", "nworkers", "options",
      "post_many", "post_once",
      "post_task", "range", "start", "stats", "task", "task_id", "worker_id",
    } do
      assert.is_truthy(prunner[name], name)
    end
  end)
end)
