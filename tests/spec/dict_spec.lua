--- prunner.dict: every method, in the process that loads the script.

local ffi = require "ffi"
local prunner = require "prunner"
local raises = require("tests.spec.helper").raises

local d = prunner.dict

local function clear()
  local keys = {}
  for k in d:each() do keys[#keys + 1] = k end
  for _, k in ipairs(keys) do d:delete(k) end
end

describe("prunner.dict", function()
  before_each(clear)

  it("is what get_dict returns", function()
    assert.are.equal(d, prunner.get_dict())
  end)

  it("reads what was assigned", function()
    d.name = "value"
    d["odd key\0\255"] = 1
    d[1], d[2.5], d[-0], d[true], d[false] = "one", "2.5", "zero", "yes", "no"
    assert.are.same({ "value", 1, "one", "2.5", "zero", "yes", "no" },
      { d.name, d["odd key\0\255"], d[1], d[2.5], d[0], d[true], d[false] })
    assert.is_nil(d.other)
    assert.is_nil(d["1"])
    assert.are.equal(7, d:len())
    d.name = nil
    assert.is_nil(d.name)
    assert.are.equal(6, d:len())
    assert.are.equal("prunner.dict: 6 keys", tostring(d))
  end)

  it("keeps numbers exactly", function()
    for i, v in ipairs {
      0, 1, -1, 0.1, 1 / 3, 2 ^ 53 + 1, 2 ^ 1023, 5e-324, 1 / 0, -1 / 0, 123456789012345,
    } do
      d[i] = v
      assert.are.equal(v, d[i])
    end
    d.nan = 0 / 0
    assert.is_true(d.nan ~= d.nan)
    d.zero = -0
    assert.are.equal(-1 / 0, 1 / d.zero)
  end)

  it("keeps every value that can be sent", function()
    local shared = { 1 }
    local cyclic = { a = shared, b = shared }
    cyclic.self = cyclic
    d.t = cyclic
    local t = d.t
    assert.are.equal(t, t.self)
    assert.are.equal(t.a, t.b)
    assert.are_not.equal(cyclic, t)
    d.u, d.b, d.s, d.e = 18446744073709551615ULL, false, ("x"):rep(1e6), {}
    assert.are.equal(18446744073709551615ULL, d.u)
    assert.is_true(ffi.istype("uint64_t", d.u))
    assert.are.equal(false, d.b)
    assert.are.equal(("x"):rep(1e6), d.s)
    assert.are.same({}, d.e)
  end)

  it("returns copies", function()
    d.x = { y = 1 }
    d.x.y = 2
    assert.are.equal(1, d.x.y)
  end)

  it("refuses keys and values that cannot be", function()
    raises(function() d[{}] = 1 end, "dict: a key must be a string, a number or a boolean, got table")
    raises(function() d[0 / 0] = 1 end, "got nan")
    raises(function() return (d[nil]) end, "got nil")
    raises(function() return (d[print]) end, "got function")
    raises(function() return (d:get()) end, "got nil")
    raises(function() d:set(nil, 1) end, "got nil")
    raises(function() d:set({}, nil) end, "got table")
    raises(function() d:delete() end, "got nil")
    raises(function() d:incr() end, "got nil")
    raises(function() d:add({}, 1) end, "got table")
    raises(function() d:append({}, "") end, "got table")
    raises(function() d:cas({}, 1, 2) end, "got table")
    raises(function() d:update({}, function() end) end, "got table")
    raises(function() d[("x"):rep(32769)] = 1 end, "dict: a key may have up to 32 KiB")
    raises(function() d.x = io.stdout end,
      'dict: set of "x": value: a userdata cannot be sent to another process')
    raises(function() d.x = { y = { io.stdout } } end,
      'dict: set of "x": value, at .y[1]: a userdata cannot be sent')
    raises(function() d:add("x", coroutine.create(print)) end, 'dict: add of "x": value: a thread')
    assert.is_nil(d.x)
    d[("x"):rep(32768)] = 1
    assert.are.equal(1, d[("x"):rep(32768)])
  end)

  it("refuses to overwrite its methods, but set takes any key", function()
    for _, name in ipairs { "get", "set", "add", "incr", "append", "cas", "update", "delete", "each",
      "len" } do
      raises(function() d[name] = 1 end, ('dict: %q is the name of a method: use d:set(%q, value)')
        :format(name, name))
      d:set(name, name)
      assert.are.equal(name, d:get(name))
      assert.are.equal("function", type(d[name]))
    end
    assert.are.equal(10, d:len())
    d:set("get", nil)
    assert.is_nil(d:get("get"))
  end)

  it("add sets what is absent and nothing else", function()
    assert.is_true(d:add("k", 1))
    assert.is_false(d:add("k", 2))
    assert.is_false(d:add("k", "text"))
    assert.is_false(d:add("k", { 1 }))
    assert.are.equal(1, d.k)
    assert.is_true(d:add("t", { 1 }))
    assert.is_true(d:add("f", false))
    assert.is_false(d:add("f", true))
    assert.are.equal(false, d.f)
    raises(function() d:add("n", nil) end, "dict: add: the value is nil")
  end)

  it("incr counts from 0 and returns the new value", function()
    assert.are.equal(1, d:incr("n"))
    assert.are.equal(11, d:incr("n", 10))
    assert.are.equal(10.5, d:incr("n", -0.5))
    assert.are.equal(10.5, d.n)
    d.s = "5"
    raises(function() d:incr("s") end, 'dict: incr of "s": the value there is no number')
    raises(function() d:incr("n", "1") end,
      "dict: incr: the second argument must be a number, got string")
    raises(function() d:incr("n", 0 / 0) end, "dict: incr: the second argument must be a number, got nan")
    assert.are.equal(10.5, d.n)
    assert.are.equal("5", d.s)
  end)

  it("append joins strings", function()
    d:append("s", "a")
    d:append("s", "")
    d:append("s", ("b"):rep(1000))
    d:append("s", "\0c")
    assert.are.equal("a" .. ("b"):rep(1000) .. "\0c", d.s)
    d.n = 1
    raises(function() d:append("n", "x") end, 'dict: append of "n": the value there is no string')
    d.t = {}
    raises(function() d:append("t", "x") end, 'dict: append of "t": the value there is no string')
    raises(function() d:append("s", 5) end,
      "dict: append: the second argument must be a string, got number")
    raises(function() d:append("s") end, "must be a string, got nil")
  end)

  it("cas changes what is as expected", function()
    assert.is_true(d:cas("k", nil, 1))
    assert.is_false(d:cas("k", nil, 2))
    assert.is_false(d:cas("k", 2, 3))
    assert.is_false(d:cas("k", "1", 3))
    assert.is_true(d:cas("k", 1, "text"))
    assert.is_true(d:cas("k", "text", { 1, 2 }))
    assert.is_false(d:cas("k", { 2, 1 }, 1))
    assert.is_true(d:cas("k", { 1, 2 }, false))
    assert.is_true(d:cas("k", false, nil))
    assert.is_nil(d.k)
    assert.is_true(d:cas("k", nil, nil))
    assert.are.equal(0, d:len())
    raises(function() d:cas("k", nil, io.stdout) end, 'dict: cas of "k": value: a userdata')
    raises(function() d:cas("k", io.stdout, 1) end, 'dict: cas of "k": old value: a userdata')
  end)

  it("update stores what the function makes of the old value", function()
    assert.are.equal(1, d:update("k", function(old) return (old or 0) + 1 end))
    assert.are.same({ 1 }, d:update("k", function(old) return { old } end))
    assert.are.same({ 1, 2 }, d:update("k", function(old) old[2] = 2 return old end))
    assert.are.same({ 1, 2 }, d.k)
    assert.is_nil(d:update("k", function() return nil end))
    assert.are.equal(0, d:len())
  end)

  it("update runs its function again when the value has changed meanwhile", function()
    d.k = 1
    local runs = 0
    d:update("k", function(old)
      runs = runs + 1
      if runs < 4 then d.k = old * 10 end
      return old + 1
    end)
    assert.are.equal(4, runs)
    assert.are.equal(1001, d.k)
  end)

  it("refuses what it would drop, or take for 1", function()
    d.k = 5
    for name, arguments in pairs { get = {}, set = { 1 }, add = { 1 }, incr = { 1 }, append = { "" },
      cas = { 1, 2 }, update = { print }, delete = {} } do
      arguments[#arguments + 1] = "extra"
      raises(function() d[name](d, "k", unpack(arguments)) end, ("dict: %s: too many arguments"):format(name))
    end
    raises(function() d:incr("k", nil) end, "dict: incr: the second argument must be a number, got nil")
    assert.are.equal(5, d.k)
  end)

  it("update leaves the value when the function raises", function()
    d.k = 1
    assert.has_error(function() d:update("k", function() error({ 5 }, 0) end) end, { 5 })
    raises(function() d:update("k", 5) end,
      "dict: update: the second argument must be a function, got number")
    raises(function() d:update("k", function() return io.stdout end) end,
      "new value: a userdata cannot be sent to another process")
    assert.are.equal(1, d.k)
  end)

  it("update ends when its function changes the key itself in each run", function()
    local why = 'dict: update of "k": its function changes the key itself, each time'
    d.k = 1
    raises(function() d:update("k", function(v) d:incr "k" return v + 1 end) end, why)
    raises(function() d:update("k", function() d.k = { d.k } return 1 end) end, why)
    raises(function()
      d:update("k", function() return d:update("k", function(v) return { v } end) end)
    end, why)
    d.k, d.other = 1, 1
    local runs = 0
    assert.are.equal(7, d:update("k", function(v)
      runs = runs + 1
      d:incr "other"
      if runs < 6 then d:incr "k" end
      return v + 1
    end))
    assert.are.equal(7, d.other)
  end)

  it("delete says whether the key was there", function()
    d.k = 1
    assert.is_true(d:delete("k"))
    assert.is_false(d:delete("k"))
  end)

  it("each visits every entry once", function()
    local n = 5000
    for i = 1, n do d[i] = { i } end
    for i = 1, n, 2 do d["s" .. i] = i end
    for i = 1, n, 3 do d[i] = nil end
    local seen, count = {}, 0
    for k, v in d:each() do
      assert.is_nil(seen[k])
      seen[k] = v
      count = count + 1
    end
    assert.are.equal(d:len(), count)
    for i = 1, n do
      if i % 3 == 1 then assert.is_nil(seen[i]) else assert.are.equal(i, seen[i][1]) end
    end
  end)

  it("each may be used while the dict changes", function()
    for i = 1, 1000 do d[i] = i end
    local seen = {}
    for k in d:each() do
      assert.is_nil(seen[k])
      seen[k] = true
      d[k] = nil
      d[k + 5000] = k
    end
    for i = 1, 1000 do assert.is_true(seen[i]) end
    assert.are.equal(1000, d:len())
  end)

  it("takes back its memory when values come and go", function()
    local value = ("x"):rep(100000)
    for i = 1, 20000 do
      d.k = value .. i
      if i % 2 == 0 then d.k = nil end
    end
    local status = io.open("/proc/self/statm"):read("*a")
    local shared = tonumber(status:match("^%d+ %d+ (%d+)")) * 4096
    assert.is_true(shared < 200e6, "shared memory in use: " .. shared)
  end)
end)
