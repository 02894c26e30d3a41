--- prunner.post_task, post_many, task, and what they say of mistakes.

local ffi = require "ffi"
local prunner = require "prunner"
local core = require("prunner.native").core
local raises = require("tests.spec.helper").raises

local function work() end
prunner.task("work", work)

--- Runs fn in the moment of begin(); what it posts is dropped.
local function in_begin(fn)
  core.begin_open()
  local ok, err = pcall(fn)
  core.begin_close(false)
  if not ok then error(err, 0) end
end

describe("prunner.post_task", function()
  it("refuses to post while the script loads", function()
    raises(function() prunner.post_task(work, 1) end,
      "post_task(work): tasks are posted by begin() and by tasks, not while the script loads")
    raises(function() prunner.post_task(work) end, "not while the script loads")
    raises(function() prunner.post_task(work, "a", nil, true) end, "not while the script loads")
    raises(function() prunner.post_task(work, {}) end, "not while the script loads")
    raises(function() prunner.post_task("work", 1, 2, 3, 4) end, "not while the script loads")
    raises(function() prunner.post_task(function() end) end, "not while the script loads")
  end)

  it("returns nothing", function()
    in_begin(function()
      assert.are.equal(0, select("#", prunner.post_task(work, 1)))
      assert.are.equal(0, select("#", prunner.post_task(work, {})))
      assert.are.equal(0, select("#", prunner.post_task("work")))
    end)
  end)

  it("takes a function that begin() has just made", function()
    local upvalue = {}
    in_begin(function()
      prunner.post_task(function() return upvalue end, 1)
      prunner.post_task(work, function() return upvalue end, { f = function() return upvalue end })
    end)
  end)

  it("names what can be no task", function()
    in_begin(function()
      raises(function() prunner.post_task() end,
        "post_task: the first argument must be a function or its name, got nil (a misspelt name? "
          .. "a local function that is defined further down? f(x) instead of f, x?)")
      raises(function() prunner.post_task(nil, 1) end, "got nil (a misspelt name? ")
      raises(function() prunner.post_task(5) end, "must be a function or its name, got number")
      raises(function() prunner.post_task({}) end, "must be a function or its name, got table")
      raises(function() prunner.post_task(true) end, "must be a function or its name, got boolean")
      raises(function() prunner.post_task(0 / 0) end, "must be a function or its name, got number")
    end)
  end)

  it("says what to do about an unknown name", function()
    in_begin(function()
      raises(function() prunner.post_task("wrok", 1) end, 'post_task: no function is called '
        .. '"wrok": name it with prunner.task, or give the function itself')
    end)
  end)

  it("names the argument and the path of what cannot be sent", function()
    in_begin(function()
      raises(function() prunner.post_task(work, 1, io.stdout) end,
        "post_task(work): argument 2: a userdata cannot be sent to another process")
      raises(function() prunner.post_task(work, 1, { conn = io.stdout }) end,
        "post_task(work): argument 2, at .conn: a userdata cannot be sent to another process")
      raises(function() prunner.post_task(work, { { ["a b"] = { [true] = coroutine.create(work) } } })
      end, 'post_task(work): argument 1, at [1]["a b"][true]: a thread cannot be sent')
      raises(function() prunner.post_task(work, { [io.stdout] = 1 }) end,
        "argument 1, a key of the table: a userdata cannot be sent")
      raises(function() prunner.post_task(work, ffi.new("char[3]")) end,
        "argument 1: a cdata other than int64_t and uint64_t cannot be sent")
    end)
  end)

  it("refuses what is nested too deeply or too large", function()
    in_begin(function()
      local deep = {}
      for _ = 1, 200 do deep = { deep } end
      raises(function() prunner.post_task(work, deep) end, "nested deeper than 200 tables")
      prunner.post_task(work, deep[1])
      local mib = ("x"):rep(2 ^ 20)
      local large = {}
      for i = 1, 257 do large[i] = mib .. i end
      raises(function() prunner.post_task(work, large) end,
        "post_task(work): argument 1: encoded this takes more than 256 MiB")
      raises(function() prunner.post_task(work, mib:rep(257)) end, "more than 256 MiB")
    end)
  end)
end)

describe("prunner.post_many", function()
  it("posts one task for each element of the list", function()
    core.begin_open()
    prunner.post_many(work, { 1, "two", true, { 4 }, 5 })
    prunner.post_many("work", {})
    core.begin_close(false)
  end)

  it("names its mistakes", function()
    in_begin(function()
      raises(function() prunner.post_many(work) end,
        "post_many: the second argument must be a list, got nil")
      raises(function() prunner.post_many(work, 5) end, "must be a list, got number")
      raises(function() prunner.post_many(nil, {}) end,
        "post_many: the first argument must be a function or its name, got nil")
      raises(function() prunner.post_many("wrok", {}) end, 'post_many: no function is called "wrok"')
      raises(function() prunner.post_many(work, { 1, io.stdout }) end,
        "post_many(work): argument 1: a userdata cannot be sent")
    end)
    raises(function() prunner.post_many(work, { 1 }) end,
      "post_many(work): tasks are posted by begin() and by tasks, not while the script loads")
    raises(function() prunner.post_many(work, { {} }) end, "not while the script loads")
  end)
end)

describe("prunner.post_once", function()
  it("names what can be no key", function()
    in_begin(function()
      raises(function() prunner.post_once() end,
        "post_once: the key must be a string, a number or a boolean, got nil")
      raises(function() prunner.post_once({}, work) end, "a number or a boolean, got table")
      raises(function() prunner.post_once(0 / 0, work) end, "a number or a boolean, got nan")
      raises(function() prunner.post_once(work, "key") end, "a number or a boolean, got function")
      raises(function() prunner.post_once(("x"):rep(32769), work) end,
        "post_once: a key may have up to 32 KiB")
      prunner.post_once(("x"):rep(32768), work)
    end)
  end)

  it("names what can be no task", function()
    in_begin(function()
      raises(function() prunner.post_once("key") end,
        "post_once: the second argument must be a function or its name, got nil")
      raises(function() prunner.post_once("key", 5) end, "must be a function or its name, got number")
      raises(function() prunner.post_once("key", "nobody") end,
        'post_once: no function is called "nobody"')
      raises(function() prunner.post_once("key", work, 1, io.stdout) end,
        "post_once(work): argument 2: a userdata cannot be sent to another process")
    end)
  end)

  it("returns nothing, and takes a function that begin() has just made", function()
    in_begin(function()
      assert.are.equal(0, select("#", prunner.post_once("key", work, 1)))
      assert.are.equal(0, select("#", prunner.post_once("key", work, {})))
      prunner.post_once("key", function() return work end, function() return work end)
    end)
  end)

  it("is refused where nothing is posted", function()
    raises(function() prunner.post_once("key", work) end,
      "post_once(work): tasks are posted by begin() and by tasks, not while the script loads")
  end)
end)

describe("prunner.task", function()
  it("returns the function it names", function()
    local function f() end
    local options = { retries = 0, max_crashes = 1, timeout = 0.5, backoff = 0, atomic_posts = true }
    assert.are.equal(f, prunner.task("a name", f, options))
    assert.are.equal(f, prunner.task("another name", f, options))
    in_begin(function()
      prunner.post_task("another name")
      prunner.post_task("a name")
      prunner.post_task(f)
    end)
  end)

  it("names its mistakes", function()
    raises(function() prunner.task() end, "task: the name must be a string, got nil")
    raises(function() prunner.task("", work) end, "task: the name must be a string, and not an empty one")
    raises(function() prunner.task("x", work, {}, 3) end, "task: further arguments would be lost: it takes 3")
    raises(function() prunner.task(work) end, "task: the name must be a string, got function")
    raises(function() prunner.task("x") end,
      "task: the second argument must be a function, got nil (is it defined above this line?)")
    raises(function() prunner.task("x", "y") end, "must be a function, got string")
    raises(function() prunner.task("x", work, 5) end, "task: options must be a table, got number")
    raises(function() prunner.task("x", work, { retires = 1 }) end, 'task: unknown option "retires" '
      .. "(there are retries, max_crashes, timeout, backoff, atomic_posts)")
    raises(function() prunner.task("x", work, { atomic_posts = 1 }) end,
      "task: atomic_posts must be true or false")
  end)

  for option, bad in pairs {
    retries = { -1, 255, 1.5, "1", 0 / 0, 1 / 0 },
    max_crashes = { 0, 256, 2.5, true, 0 / 0 },
    timeout = { 0, -1, "1s", 1 / 0, 0 / 0 },
    backoff = { -0.1, {}, 1 / 0, 0 / 0 },
  } do
    it("checks the range of " .. option, function()
      for _, v in ipairs(bad) do
        raises(function() prunner.task("x", work, { [option] = v }) end,
          ("task: %s must be a "):format(option))
      end
    end)
  end

  it("checks the type of " .. "options whose name is none", function()
    raises(function() prunner.task("x", work, { 1 }) end, 'task: unknown option "1"')
  end)
end)

describe("prunner.task for a function that has a name", function()
  -- A name is given once: each test has names of its own.
  local round = 0
  local function fresh(name) return name .. round end
  before_each(function() round = round + 1 end)

  local function named_twice(first, second, name)
    local f = function() end
    round = round + 1
    prunner.task(fresh "first", f, first)
    prunner.task(fresh(name or "second"), f, second)
  end

  local OTHERS = {
    { { retries = 3 }, { retries = 0 } },
    { { retries = 3 }, nil },
    { nil, { retries = 3 } },
    { { max_crashes = 1 }, { max_crashes = 2 } },
    { { timeout = 1 }, {} },
    { {}, { backoff = 1 } },
    { { atomic_posts = true }, { atomic_posts = false } },
    { { retries = 3, timeout = 1 }, { retries = 3 } },
  }

  it("refuses other options, and names both places", function()
    for _, pair in ipairs(OTHERS) do
      local f = function() end
      round = round + 1
      prunner.task(fresh "first", f, pair[1])
      local line = debug.getinfo(1, "l").currentline - 1
      local message = raises(function() prunner.task(fresh "second", f, pair[2]) end,
        'is the same function as "' .. fresh "first" .. '" (' .. debug.getinfo(1, "S").short_src .. ":" .. line
          .. "), with other options")
      assert.is_truthy(message:find(('task: "%s" (%s:%d) is'):format(
        fresh "second", debug.getinfo(1, "S").short_src, line + 2), 1, true), message)
    end
  end)

  it("refuses other options under the same name", function()
    local f = function() end
    prunner.task(fresh "first", f, { retries = 3 })
    raises(function() prunner.task(fresh "first", f, { retries = 0 }) end, "with other options")
    raises(function() prunner.task(fresh "first", f) end, "with other options")
  end)

  it("refuses a name that another function has, and names both places", function()
    local f, g = function() end, function() end
    prunner.task(fresh "first", f)
    local line = debug.getinfo(1, "l").currentline - 1
    prunner.task(fresh "first", f) -- the same once more
    local here = debug.getinfo(1, "S").short_src
    raises(function() prunner.task(fresh "first", g) end, ('task: "%s" (%s:%d) is the name of another '
      .. "function already (%s:%d): give this one a name of its own"):format(fresh "first", here, line + 4, here, line))
    raises(function() prunner.task(fresh "first", g, { retries = 1 }) end, "is the name of another function already")
    prunner.task(fresh "second", g, { retries = 1 })
    in_begin(function()
      raises(function() prunner.task(fresh "second", f) end, "is the name of another function already")
    end)
  end)

  it("takes the same options, and the first ones for its only name", function()
    named_twice(nil, nil)
    named_twice(nil, {})
    named_twice({ backoff = 0, atomic_posts = false }, nil)
    named_twice({ retries = 3, timeout = 1 }, { timeout = 1, retries = 3 })
    named_twice(nil, { retries = 3 }, "first")
  end)

  it("does not keep what was refused", function()
    local f = function() end
    prunner.task(fresh "first", f, { retries = 3 })
    raises(function() prunner.task("refused", f, { retries = 0 }) end, "with other options")
    prunner.task(fresh "third", f, { retries = 3 })
    in_begin(function()
      raises(function() prunner.post_task("refused") end, 'no function is called "refused"')
    end)
  end)
end)

describe("prunner.commit", function()
  it("is for running tasks only", function()
    raises(function() prunner.commit() end, "commit: only a running task can commit")
    raises(function() prunner.commit(5) end, "commit: only a running task can commit")
    in_begin(function()
      raises(function() prunner.commit() end, "commit: only a running task can commit")
    end)
    assert.is_nil(prunner.cursor())
  end)
end)

describe("what would be lost without a word", function()
  local function refuses(list, what)
    local before = prunner.stats().posted
    in_begin(function()
      raises(function() prunner.post_many(work, list) end, "post_many: the second argument must be a list, " .. what)
    end)
    assert.are.equal(before, prunner.stats().posted)
  end

  it("is an error of post_many: keys and holes", function()
    refuses({ a = 1, b = 2 }, "it has the key")
    refuses({ 1, 2, x = 3 }, 'it has the key "x"')
    refuses({ 1, nil, 3 }, "there is nothing at 2")
    refuses({ nil, 2 }, "there is nothing at 1")
    refuses({ 1, 2, [7] = 3 }, "there is nothing at 3")
    refuses({ [0] = 1, 2 }, "it has the key 0")
    refuses({ [1.5] = 1 }, "it has the key 1.5")
    refuses({ [true] = 1 }, "it has the key true")
    refuses(nil, "got nil")
    in_begin(function()
      prunner.post_many(work, {})
      local backwards = {}
      for i = 100, 1, -1 do backwards[i] = i end
      prunner.post_many(work, backwards)
    end)
  end)

  it("is an error: further arguments, and numbers that are none", function()
    in_begin(function()
      raises(function() prunner.post_many(work, { 1 }, 2) end, "post_many: further arguments would be lost")
    end)
    raises(function() prunner.range(1, 5, 2) end, "range: further arguments would be lost")
    raises(function() prunner.commit(1, 2) end, "commit: further arguments would be lost")
    raises(function() prunner.range(0 / 0) end, "range: finite numbers are needed")
    raises(function() prunner.range(1, 1 / 0) end, "range: finite numbers are needed")
  end)

  it("is an error of prunner.constant", function()
    raises(function() prunner.constant("x", 5) end, "constant: x: a number needs no name: it is sent as it is")
    raises(function() prunner.constant("x") end, "constant: x: a nil needs no name")
    raises(function() prunner.constant("", {}) end, "constant: the name must be a string, and not an empty one")
    raises(function() prunner.constant(nil, {}) end, "constant: the name must be a string, got nil")
    prunner.constant("task_spec", prunner)
    raises(function() prunner.constant("task_spec", {}) end, 'constant: another value is called "task_spec"')
  end)
end)
