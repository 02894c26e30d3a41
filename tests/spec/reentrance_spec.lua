--- Calls in the middle of calls: whatever runs Lua while prunner works (finalizers, debug hooks) may
-- use prunner, all of it, during all of it.

local ffi = require "ffi"
local prunner = require "prunner"
local core = require("prunner.native").core
local C = require("prunner.native").C

local d = prunner.dict
local manager = prunner.get_manager()

-- Each operation, often enough for its fast ways and its slow ones; n tells the calls apart. What
-- comes back is checked: `id` keeps what is inside and what is outside of each other's way.
local function operations(id)
  local dict, queue = manager:dict("reentrance " .. id), manager:queue("reentrance " .. id)
  local lock, value = prunner.lock("reentrance " .. id), manager:value("reentrance " .. id)
  local counter, list = prunner.counter("reentrance " .. id), prunner.collector("reentrance " .. id)
  local max, min = prunner.max("reentrance " .. id), prunner.min("reentrance " .. id)
  local deep = { 1, { 2, { 3 } }, x = { id }, i64 = { 12345678901LL, 5ULL } }
  local text = (id .. " "):rep(300)

  local function is_deep(v)
    return v[1] == 1 and v[2][1] == 2 and v[2][2][1] == 3 and v.x[1] == id
      and v.i64[1] == 12345678901LL and v.i64[2] == 5ULL
  end

  local function bytes(...)
    return core.encode(...)
  end

  return {
    get_string = function(n)
      dict:set(n, text .. n)
      return dict:get(n) == text .. n
    end,
    get_number = function(n)
      dict:set("number", n)
      return dict:get "number" == n and dict.number == n
    end,
    get_boolean = function(n)
      dict:set(true, n % 2 == 0)
      dict:set(false, n)
      return dict:get(true) == (n % 2 == 0) and dict:get(false) == n
    end,
    get_table = function()
      dict.deep = deep
      return is_deep(dict.deep)
    end,
    get_nothing = function(n) return dict:get("none" .. n) == nil end,
    add = function(n)
      dict:delete "added"
      return dict:add("added", { n, id }) and not dict:add("added", 1) and dict.added[1] == n
    end,
    incr = function(n)
      dict.incr_ = n
      return dict:incr "incr_" == n + 1 and dict:incr("incr_", -1) == n
    end,
    append = function(n)
      dict:set("append_", "a")
      dict:append("append_", tostring(n))
      return dict.append_ == "a" .. n
    end,
    cas = function(n)
      dict.cas_ = n
      return not dict:cas("cas_", { n }, 1) and dict:cas("cas_", n, "x" .. n) and dict.cas_ == "x" .. n
    end,
    cas_table = function()
      dict.cas_ = 5LL
      return dict:cas("cas_", 5LL, { 6LL }) and dict.cas_[1] == 6LL
    end,
    update = function(n)
      dict.update_ = { n }
      return dict:update("update_", function(v) return { v[1] + 1, id } end)[1] == n + 1
        and dict.update_[2] == id
    end,
    delete = function(n)
      dict.gone = n
      return dict:delete "gone" and not dict:delete "gone"
    end,
    each = function()
      local all = {}
      dict.deep, dict.text = deep, text
      for k, v in dict:each() do all[k] = v end
      return is_deep(all.deep) and all.text == text and dict:len() > 1
    end,
    value = function(n)
      value:set(n)
      return value:incr() == n + 1 and value:get() == n + 1
    end,
    queue = function(n)
      queue:put(n)
      queue:put { n, id }
      queue:put(text)
      local a, b, c = queue:get(), queue:get(0), queue:get()
      return a == n and b[1] == n and b[2] == id and c == text and queue:get() == nil and queue:len() == 0
    end,
    lock = function(n)
      local a, b, c = lock:with(function(...)
        dict.locked = n
        return dict.locked, ...
      end, id, 5)
      lock:acquire()
      local inside = dict.locked
      lock:release()
      assert(lock:try_acquire())
      lock:release()
      return a == n and b == id and c == 5 and inside == n
    end,
    counter = function()
      local before = counter:get()
      counter:add()
      counter:add(2)
      return counter:get() == before + 3
    end,
    max_min = function(n)
      max:add(n)
      min:add(-n)
      return max:get() >= n and min:get() <= -n
    end,
    collect = function()
      local before = #list:get()
      list:add(deep)
      list:add(text)
      local all = list:get()
      return #all == before + 2 and is_deep(all[before + 1]) and all[before + 2] == text
    end,
    codec = function(n)
      local shared = { n }
      local a, b, c, last = core.decode(bytes({ shared, 6LL, shared }, 7LL, { [{ 8ULL }] = text }, n))
      return rawequal(a[1], a[3]) and a[2] == 6LL and a[1][1] == n and b == 7LL and next(c)[1] == 8ULL and last == n
    end,
    mistakes = function(n)
      local function problem(...)
        local said = select(2, pcall(...))
        if said:find "in the function of d:update" then error(said, 0) end
        return said
      end
      return problem(dict.set, dict, "k" .. n, { { io.stdout } })
          :find("set of \"k" .. n .. "\": value, at [1][1]: a userdata", 1, true)
        and problem(dict.set, dict, ("x"):rep(40000), n):find "a key may have up to 32 KiB"
        and problem(dict.cas, dict, n, { print, io.stdout }, n):find "old value"
        and problem(list.add, list, { a = { io.stdin } }):find(", at .a[1]: a userdata", 1, true)
        and problem(core.decode, "\255\199"):find "damaged bytes"
    end,
    post = function(n)
      local i = C.prn_args_begin()
      C.prn_args_number(i, n)
      C.prn_args_string(i, id, #id)
      C.prn_args_nil(i)
      if core.args(i) ~= bytes(n, id, nil) then return false end
      if id == "outside" then
        prunner.post_task(print, n, id, true)
        prunner.post_task(print, deep)
        prunner.post_many(print, { n, text, { n } })
      else
        prunner.post_task(print, id)
      end
      return true
    end,
    rest = function()
      local s = prunner.stats()
      return type(s) == "table" and prunner.worker_id() == 0 and prunner.task_id() == 0
        and prunner.attempt() == 0 and prunner.nworkers() > 0 and tostring(dict):find "prunner.dict"
        and #prunner.range(3) == 3 and prunner.cursor() == nil and not pcall(prunner.commit, { 1 })
    end,
  }
end

local outside, inside = operations "outside", operations "inside"
local names = {}
for name in pairs(outside) do names[#names + 1] = name end
table.sort(names)

local wrong, calls
local position = 0

-- One of them, each time another one; it may fail only with what an update does not allow.
local function run_inside()
  position = position % #names + 1
  calls = calls + 1
  local name = names[position]
  local ok, right = pcall(inside[name], calls)
  if ok and not right then wrong[#wrong + 1] = "inside: " .. name end
  if not ok and not tostring(right):find "in the function of d:update" then
    wrong[#wrong + 1] = ("inside: %s: %s"):format(name, right)
  end
end

-- While this lives, each step of the collector finds something whose finalizer does one of them.
local function with_finalizers(fn)
  local stop = false
  local function again()
    if stop then return end
    run_inside()
    ffi.gc(ffi.new "char[16]", again)
  end
  collectgarbage()
  for _ = 1, 20 do ffi.gc(ffi.new "char[16]", again) end
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 10000)
  local ok, problem = pcall(fn)
  stop = true
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  collectgarbage()
  collectgarbage()
  assert(ok, problem)
end

-- The same at one instruction after the other. A hook is not called within a hook.
local function with_hook(fn)
  jit.off()
  jit.flush()
  debug.sethook(run_inside, "", 7)
  local ok, problem = pcall(fn)
  debug.sethook()
  jit.on()
  assert(ok, problem)
end

local function each_outside(times)
  for n = 1, times do
    for _, name in ipairs(names) do
      local ok, right = pcall(outside[name], n)
      if not ok or not right then wrong[#wrong + 1] = ("outside: %s: %s"):format(name, tostring(right)) end
    end
  end
end

describe("every operation within every operation", function()
  before_each(function()
    wrong, calls, position = {}, 0, 0
    core.begin_open()
    d.before = 1
  end)

  after_each(function()
    core.begin_close(false)
    assert.are.equal("", table.concat(wrong, "\n", 1, math.min(#wrong, 10)))
  end)

  it("is right when none is within another", function()
    each_outside(3)
    for _, name in ipairs(names) do assert.is_truthy(inside[name](1), name) end
  end)

  it("is right when a finalizer does it", function()
    with_finalizers(function() each_outside(40) end)
    assert.is_true(calls > #names * #names, calls)
  end)

  it("is right when a hook of the debug library does it, wherever it is called", function()
    with_hook(function() each_outside(2) end)
    assert.is_true(calls > #names * #names, calls)
  end)

  it("goes on after hooks that raise, however many", function()
    local caught = 0
    jit.off()
    for round = 1, 2000 do
      local ok = pcall(function()
        debug.sethook(function()
          debug.sethook()
          error "by the hook"
        end, "", round % 61 + 5)
        for _, name in ipairs { "get_string", "get_table", "incr", "post", "codec" } do outside[name](round) end
      end)
      if not ok then caught = caught + 1 end
    end
    jit.on()
    assert.is_true(caught > 1000, caught)
    each_outside(1)
    with_hook(function() each_outside(1) end)
  end)
end)
