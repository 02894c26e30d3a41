--- prunner.global_lock and prunner.lock, in the process that loads the script.

local prunner = require "prunner"
local raises = require("tests.spec.helper").raises

local d = prunner.dict
local lock = prunner.lock "a"

describe("prunner.lock", function()
  it("is the same for the same name", function()
    assert.are.equal(lock, prunner.lock "a")
    assert.are_not.equal(lock, prunner.lock "b")
    assert.are.equal(lock, prunner.get_manager():lock "a")
    assert.are.equal('lock "a"', tostring(lock))
  end)

  it("needs a name", function()
    raises(function() prunner.lock() end, "lock: the name must be a string, got nil")
    raises(function() prunner.lock(5) end, "lock: the name must be a string, got number")
    raises(function() prunner.lock(("x"):rep(97)) end, "a name may have up to 96 bytes")
    assert.is_truthy(prunner.lock(("x"):rep(96)))
  end)

  it("refuses what it would drop", function()
    raises(function() lock:acquire(1, 2) end, 'lock "a": too many arguments')
    raises(function() lock:try_acquire(1) end, 'lock "a": too many arguments')
    raises(function() lock:release(1) end, 'lock "a": too many arguments')
    assert.is_true(lock:try_acquire())
    lock:release()
  end)

  it("with returns what the function returns", function()
    local function f(...) return select("#", ...), ... end
    local function pack(...) return { n = select("#", ...), ... } end
    assert.are.same(pack(3, 1, nil, nil), pack(lock:with(f, 1, nil, nil)))
    assert.are.same(pack(), pack(lock:with(function() end)))
    assert.is_true(lock:try_acquire())
    lock:release()
  end)

  it("with releases and raises again when the function raises", function()
    d.x = 1
    local value = {}
    local ok, err = pcall(lock.with, lock, function()
      d.x = 2
      assert.are.equal(2, d.x)
      error(value)
    end)
    assert.is_false(ok)
    assert.are.equal(value, err)
    assert.are.equal(1, d.x)
    assert.is_true(lock:try_acquire())
    lock:release()
    assert.has_error(function() lock:with(function() error("text", 0) end) end, "text")
    assert.has_error(function() lock:with(function() error() end) end)
  end)

  it("with needs a function", function()
    raises(function() lock:with() end, 'lock "a": the first argument must be a function, got nil')
    raises(function() lock:with({}) end, "must be a function, got table")
    raises(function() prunner.global_lock(5) end,
      "global_lock: the first argument must be a function, got number")
  end)

  it("cannot be taken twice", function()
    assert.is_true(lock:acquire())
    raises(function() lock:acquire() end, 'lock "a" is already held by this task')
    raises(function() lock:acquire(1) end, 'lock "a" is already held by this task')
    raises(function() lock:try_acquire() end, 'lock "a" is already held by this task')
    raises(function() lock:with(print) end, 'lock "a" is already held by this task')
    lock:release()
    prunner.global_lock(function()
      raises(function() prunner.global_lock(print) end, "global_lock is already held by this task")
    end)
  end)

  it("cannot be released without being held", function()
    raises(function() lock:release() end, 'lock "a" is not held by this task')
  end)

  it("refuses times that are none", function()
    raises(function() lock:acquire("1") end, "must be a number")
    raises(function() lock:acquire(0 / 0) end, "must be a number")
    raises(function() lock:acquire({}) end, "must be a number")
  end)

  it("holds up to 64 locks at once", function()
    for i = 1, 64 do assert.is_true(prunner.lock("many " .. i):try_acquire()) end
    raises(function() prunner.lock("many 65"):acquire() end, "more than 64 locks held at once")
    for i = 1, 64 do prunner.lock("many " .. i):release() end
  end)

  it("publishes nothing of an inner section that fails", function()
    d.a, d.b = 1, 1
    lock:with(function()
      d.a = 2
      pcall(prunner.global_lock, function()
        d.a, d.b = 3, 3
        error "no"
      end)
      assert.are.equal(2, d.a)
      assert.are.equal(1, d.b)
    end)
    assert.are.equal(2, d.a)
    assert.are.equal(1, d.b)
  end)

  it("shows a section its own writes, by every operation", function()
    d.n, d.s, d.gone = 1, "a", "x"
    prunner.global_lock(function()
      assert.are.equal(2, d:incr("n"))
      assert.are.equal(12, d:incr("n", 10))
      d:append("s", "b")
      d:append("new", "c")
      assert.is_true(d:delete("gone"))
      assert.is_false(d:delete("gone"))
      assert.is_true(d:add("gone", 5))
      assert.is_false(d:add("gone", 6))
      assert.is_true(d:cas("gone", 5, 7))
      assert.are.equal(8, d:update("gone", function(v) return v + 1 end))
      assert.are.same({ 12, "ab", "c", 8 }, { d.n, d.s, d.new, d.gone })
    end)
    assert.are.same({ 12, "ab", "c", 8 }, { d.n, d.s, d.new, d.gone })
  end)
end)
