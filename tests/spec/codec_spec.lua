--- What travels between processes, there and back through its bytes.

local ffi = require "ffi"
local native = require "prunner.native"
local prunner = require "prunner"
local registry = require "prunner.registry"

local C, core = native.C, native.core

local function pack(...) return { n = select("#", ...), ... } end
local function there_and_back(...) return pack(core.decode(core.encode(...))) end

--- Equal also for nan, -0 and the types of 64-bit integers.
local function assert_same(expected, got)
  if expected ~= expected then return assert.is_true(got ~= got) end
  assert.are.equal(type(expected), type(got))
  assert.are.equal(expected, got)
  if expected == 0 and type(expected) == "number" then assert.are.equal(1 / expected, 1 / got) end
end

local numbers = {
  0, -0, 1, -1, 63, 64, 127, 128, -128, -129, 255, 256, 65535, 65536, 2 ^ 31 - 1, 2 ^ 31, -2 ^ 31,
  2 ^ 32, 2 ^ 53 - 1, 2 ^ 53, 2 ^ 53 + 2, -2 ^ 53, 2 ^ 63, 2 ^ 64, 0.5, 0.1, -0.1, 1 / 3, 1e308,
  5e-324, 1 / 0, -1 / 0, 0 / 0, 123456789.123,
}

local strings = {
  "", "a", "\0", "\255\254", ("x"):rep(31), ("x"):rep(32), ("x"):rep(127), ("x"):rep(128),
  ("y"):rep(255), ("y"):rep(256), ("z"):rep(65535), ("z"):rep(65536), ("\r\n\0"):rep(1e6),
}

describe("the codec", function()
  it("keeps scalars exactly", function()
    for _, v in ipairs(numbers) do assert_same(v, there_and_back(v)[1]) end
    for _, v in ipairs(strings) do assert_same(v, there_and_back(v)[1]) end
    assert_same(true, there_and_back(true)[1])
    assert_same(false, there_and_back(false)[1])
  end)

  it("keeps NULL, which is cjson.null, and constants as what they are", function()
    local null = ffi.cast("void *", 0)
    local cjson = require "cjson"
    assert.are.equal(cjson.null, there_and_back(cjson.null)[1])
    local got = there_and_back(cjson.decode '[{"city":null},null]', nil, cjson.null)
    assert.are.equal(3, got.n)
    assert.are.equal(cjson.null, got[1][1].city)
    assert.are.equal(cjson.null, got[1][2])
    prunner.dict.null = { cjson.null, [cjson.null] = 1 }
    assert.are.equal(cjson.null, prunner.dict.null[1])
    assert.are.equal(1, prunner.dict.null[cjson.null])
    prunner.dict.null = nil

    local thread, file = coroutine.create(function() end), io.stderr
    local nothing = setmetatable({}, { __tostring = function() return "nothing" end })
    for name, value in pairs { thread = thread, file = file, table = nothing, cdata = null } do
      assert.are.equal(value, prunner.constant("codec_spec." .. name, value))
      assert.is_true(rawequal(value, there_and_back({ { value } })[1][1][1]), name)
    end
    assert.is_true(rawequal(nothing, there_and_back({ [nothing] = 1 }, nothing)[2]))
  end)

  it("keeps nil anywhere among the values, and their count", function()
    assert.are.same(pack(), there_and_back())
    assert.are.same(pack(nil), there_and_back(nil))
    assert.are.same(pack(nil, nil, nil), there_and_back(nil, nil, nil))
    assert.are.same(pack(1, nil, "x", nil), there_and_back(1, nil, "x", nil))
    local many = {}
    for i = 1, 250 do many[i] = i end
    many.n = 250
    assert.are.same(many, there_and_back(unpack(many, 1, 250)))
  end)

  it("keeps 64-bit integers and their types", function()
    for _, v in ipairs {
      0LL, 1LL, -1LL, 9223372036854775807LL, -9223372036854775807LL - 1, 0ULL, 18446744073709551615ULL,
    } do
      local got = there_and_back(v)[1]
      assert.are.equal(v, got)
      assert.are.equal(tostring(ffi.typeof(v)), tostring(ffi.typeof(got)))
    end
    local t = there_and_back({ [1] = 5LL, x = { 6ULL } })[1]
    assert.are.equal(5LL, t[1])
    assert.are.equal(6ULL, t.x[1])
  end)

  it("keeps tables with any keys", function()
    local t = {
      1, 2, 3, [5] = 5, [0] = 0, [-1] = -1, [0.5] = 0.5, [1e100] = 1, name = "x", ["odd \0"] = "y",
      [true] = 1, [false] = 2, [1 / 0] = 3, nested = { { { {} } } }, [2 ^ 53] = 4,
    }
    assert.are.same(t, there_and_back(t)[1])
    assert.are.same({ 1, nil, 3, nil, 5 }, there_and_back({ 1, nil, 3, nil, 5 })[1])
    local as_key = {}
    for k, v in pairs(there_and_back({ [as_key] = 5 })[1]) do
      assert.are.same({ {}, 5 }, { k, v })
    end
  end)

  it("keeps long lists and large tables", function()
    local list, map = {}, {}
    for i = 1, 100000 do
      list[i] = i % 7 == 0 and "s" .. i or i
      map["k" .. i] = { i }
    end
    assert.are.same(list, there_and_back(list)[1])
    assert.are.same(map, there_and_back(map)[1])
  end)

  it("keeps cycles and shared references, also between values", function()
    local shared = { "shared" }
    local t = { a = shared, b = { shared } }
    t.self, t.b.up = t, t
    t[t] = t
    local got = there_and_back(t, shared, t)
    assert.are.equal(got[1], got[3])
    assert.are.equal(got[1].a, got[2])
    assert.are.equal(got[1].b[1], got[2])
    assert.are.equal(got[1], got[1].self)
    assert.are.equal(got[1], got[1].b.up)
    assert.are.equal(got[1], got[1][got[1]])
  end)

  it("takes 200 nested tables and no more", function()
    local t = {}
    for _ = 2, 200 do t = { t } end
    local got = there_and_back(t)[1]
    local depth = 1
    while got[1] do got, depth = got[1], depth + 1 end
    assert.are.equal(200, depth)
    assert.has_error(function() core.encode({ t }) end)
  end)

  it("keeps the class of objects", function()
    local Point = { __index = {}, __tostring = function(p) return p.x .. "," .. p.y end }
    registry.walk { Point }
    local p = setmetatable({ x = 1, y = 2 }, Point)
    local got = there_and_back(p, { p, p })
    assert.are.equal(Point, getmetatable(got[1]))
    assert.are.equal("1,2", tostring(got[1]))
    assert.are.equal(got[1], got[2][1])
    assert.are.equal(got[1], got[2][2])
  end)

  it("does not call metamethods on the way", function()
    local function never() error "called" end
    local Trap = {
      __index = never, __newindex = never, __pairs = never, __len = never, __gc = never,
      __eq = never, __metatable = "hidden",
    }
    registry.walk { Trap }
    local got = there_and_back(setmetatable({ a = 1, [1] = 2 }, Trap))[1]
    assert.are.equal(Trap, debug.getmetatable(got))
    assert.are.same({ 1, 2 }, { rawget(got, "a"), rawget(got, 1) })
  end)

  it("keeps known functions themselves", function()
    local n = 0
    local function f() n = n + 1 return n end
    registry.walk(f)
    local got = there_and_back(f, { f = f, print = print })
    assert.are.equal(f, got[1])
    assert.are.equal(f, got[2].f)
    assert.are.equal(print, got[2].print)
  end)

  it("keeps what prunner has made", function()
    registry.walk()
    local values = pack(prunner.dict, prunner.lock "l", prunner.counter "c", prunner.max "m",
      prunner.min "m", prunner.collector "c", prunner.get_manager(), prunner.get_manager():queue "q",
      prunner.get_manager():value("v", 7), prunner.get_manager():dict "d", prunner.Task("l", { 1 }))
    local got = there_and_back(unpack(values, 1, values.n))
    for i = 1, values.n - 1 do assert.are.equal(values[i], got[i]) end
    assert.are.equal(getmetatable(values[11]), getmetatable(got[11]))
    got[1].x = 5
    assert.are.equal(5, prunner.dict.x)
    got[10].x = 6
    assert.are.equal(6, prunner.get_manager():dict "d".x)
    got[3]:add(3)
    assert.are.equal(3, prunner.counter "c":get())
    got[2]:acquire()
    assert.has_error(function() prunner.lock "l":acquire() end)
    got[2]:release()
    got[8]:put "put"
    assert.are.equal("put", prunner.get_manager():queue "q":get())
    assert.are.equal(7, got[9]:get())
    assert.are.same({ 1 }, got[11].data)
  end)

  it("names where the value is that cannot travel", function()
    local function message(...)
      local ok, text = pcall(core.encode, ...)
      assert.is_false(ok)
      return text
    end
    local unknown = loadstring("\n\nreturn function() end", "@file.lua")()
    assert.are.equal("argument 1: a userdata cannot be sent to another process", message(io.stdout))
    assert.are.equal("argument 3: a thread cannot be sent to another process",
      message(1, nil, coroutine.create(print)))
    assert.are.equal("argument 2, at .a.b[3]: a userdata cannot be sent to another process",
      message(1, { a = { b = { 1, 2, io.stdout } } }))
    assert.has_match('at ["not a name"][-1][1.5][false]: a userdata',
      message({ ["not a name"] = { [-1] = { [1.5] = { [false] = io.stdout } } } }), 1, true)
    assert.has_match("a key of the table: a userdata", message({ [io.stdout] = 1 }), 1, true)
    assert.has_match("a key of .x: a userdata", message({ x = { [io.stdout] = 1 } }), 1, true)
    assert.has_match("at .f: function defined at file.lua:3 was not known before the workers "
      .. "started: define it at the top level of the script or name it with prunner.task",
      message({ f = unknown }), 1, true)
    assert.has_match("a table whose metatable was not known before the workers started cannot be "
      .. "sent; define its class at the top of the script",
      message(setmetatable({}, { __index = {} })), 1, true)
    assert.has_match("a cdata other than int64_t and uint64_t", message(ffi.new("int[1]")), 1, true)
    assert.has_match("a cdata other than int64_t and uint64_t", message(ffi.typeof("int64_t")), 1,
      true)
  end)

  it("still works after a failure in the middle", function()
    local t = { 1, 2 }
    for _ = 1, 100 do pcall(core.encode, t, { t, { io.stdout } }) end
    assert.are.same(pack({ { 1, 2 }, { 1, 2 } }), there_and_back({ t, t }))
  end)

  it("gives the same bytes through FFI and through the C API", function()
    local values = pack(nil, true, false, unpack(numbers))
    for _, s in ipairs(strings) do
      values.n = values.n + 1
      values[values.n] = s
    end
    for i = 1, values.n do
      local v = values[i]
      local scratch = C.prn_args_begin()
      if v == nil then C.prn_args_nil(scratch)
      elseif type(v) == "boolean" then C.prn_args_boolean(scratch, v and 1 or 0)
      elseif type(v) == "number" then C.prn_args_number(scratch, v)
      else C.prn_args_string(scratch, v, #v) end
      C.prn_args_nil(scratch)
      C.prn_args_number(scratch, 7)
      local through_ffi = core.args(scratch)
      assert.are.equal(core.encode(v, nil, 7), through_ffi)
    end
  end)

  it("refuses damaged bytes and does not crash", function()
    local bytes = core.encode({ 1, "two", { x = 3.5, y = 5LL } }, "text", 2 ^ 40, { { {} } })
    for i = 1, #bytes - 1 do
      local ok, err = pcall(core.decode, bytes:sub(1, i))
      assert.is_true(ok or err:find("damaged bytes, at byte %d+: ") ~= nil)
    end
    math.randomseed(1)
    for _ = 1, 20000 do
      local at = math.random(#bytes)
      pcall(core.decode, bytes:sub(1, at - 1) .. string.char(math.random(0, 255)) .. bytes:sub(at + 1))
    end
    assert.has_error(function() core.decode(core.encode("abc"):sub(1, 3)) end,
      "damaged bytes, at byte 0: a string ends too early")
  end)
end)
