--- The shared dictionary. Keys are strings, numbers or booleans, values everything that can
-- be sent. Reading returns a copy.
--
--     prunner.dict.hits = 0
--     prunner.dict:incr "hits"
--     for key, value in prunner.dict:each() do print(key, value) end
setfenv(1, require "prunner.globals")

local bit = require "bit"
local ffi = require "ffi"
local arguments = require "prunner.arguments"
local handle = require "prunner.handle"
local native = require "prunner.native"

local C, core, scratch = native.C, native.core, native.scratch
local numbers, strings, lengths = scratch.number, scratch.bytes, scratch.length
local band, rshift = bit.band, bit.rshift
local ffi_string = ffi.string
local check_self, no_more = arguments.check_self, arguments.no_more

local ID = handle.field "dict" -- the number of its name

local OP, RESULT, KEY = core.DICT_OP, core.RESULT, core.KEY
local SET, ADD, APPEND, CAS = OP.SET, OP.ADD, OP.APPEND, OP.CAS
local NIL, NUMBER, STRING = RESULT.NIL, RESULT.NUMBER, RESULT.STRING
local KEY_NUMBER, KEY_BOOLEAN = KEY.NUMBER, KEY.BOOLEAN
local EINVAL, ENAMETOOLONG = core.errno.EINVAL, core.errno.ENAMETOOLONG

local M = {}
local methods = {}

-- A key as C takes it (engine/lua/binding_dict.c): bytes, length, number.
local function key_of(k, what)
  local t = type(k)
  if t == "string" then return k, #k, 0 end
  if t == "number" and k == k then return nil, KEY_NUMBER, k end
  if t == "boolean" then return nil, KEY_BOOLEAN, k and 1 or 0 end
  error(string.format("dict: a key must be a string, a number or a boolean, got %s",
    t == "number" and "nan" or t), what)
end

local function fail(err, what, k, level)
  if err == -ENAMETOOLONG then
    error(string.format("dict: a key may have up to %d KiB", core.MAX.KEY_BYTES / 1024), level + 1)
  elseif err == -EINVAL then
    error(string.format("dict: %s of %q: the value there is no %s", what, tostring(k),
      what == "append" and "string" or "number"), level + 1)
  end
  error(string.format("dict: %s of %q: %s", what, tostring(k), core.error_text(err)), level + 1)
end

local function too_many(what, level)
  error(string.format("dict: %s: too many arguments", what), level + 1)
end

-- The value that C has left in a scratch, which is free then.
local function result_of(r)
  local kind, i = band(r, 3), rshift(r, 2)
  if kind == NIL then return nil end
  if kind == NUMBER then
    local v = numbers[i]
    scratch.depth = i
    return v
  end
  if kind == STRING then
    local v = ffi_string(strings[i], lengths[i])
    scratch.depth = i
    return v
  end
  return (core.dict_value(i))
end

local function get(d, k)
  local r = C.prn_dict_get(d[ID], key_of(k, 4))
  if r < 0 then fail(r, "get", k, 3) end
  return result_of(r)
end

-- One operation with a value: scalars through FFI, the rest through the C API.
local function change(kind, what, d, k, v, old)
  local bytes, len, n = key_of(k, 4)
  local t = type(v)
  local r
  if t == "number" and old == nil then
    r = C.prn_dict_number(kind, d[ID], bytes, len, n, v)
  elseif t == "string" and old == nil then
    r = C.prn_dict_string(kind, d[ID], bytes, len, n, v, #v)
  else
    local ok, got = pcall(core.dict_change, kind, d[ID], k, v, old)
    if not ok then error(string.format("dict: %s of %q: %s", what, tostring(k), got), 3) end
    r = got
  end
  if r < 0 then fail(r, what, k, 3) end
  return r == 1
end

--- A dictionary that all workers share. `d.k`, `d[k]`, `d.k = v` work as with a table; assigning
-- nil deletes. It is not a table: `pairs(d)` and `#d` raise; use @{Dict:each} and @{Dict:len} instead. Each
-- operation is atomic by itself. Values are everything that can be sent; reading returns a copy. All
-- operations raise if the key is not a string, number or boolean, or is too long. Writing raises if the
-- memory is full.
-- @type Dict

--- The value of a key. Takes no lock and never waits.
-- @function Dict:get
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @return a copy of the value; nil if the key is absent
function methods.get(d, k, extra)
  check_self(d, "dict", "get")
  if extra ~= nil then too_many("get", 2) end
  return (get(d, k))
end

--- Sets any key, even one with the name of a method.
-- @function Dict:set
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param v anything that can be sent; nil deletes
-- @raise if the value cannot be sent
function methods.set(d, k, v, extra)
  check_self(d, "dict", "set")
  if extra ~= nil then too_many("set", 2) end
  if v == nil then
    local r = C.prn_dict_delete(d[ID], key_of(k, 3))
    if r < 0 then fail(r, "delete", k, 2) end
    return
  end
  change(SET, "set", d, k, v)
end

--- Sets a key only if it is absent: of several workers that try, one succeeds.
-- @function Dict:add
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param v anything that can be sent, but not nil
-- @treturn boolean whether the key was absent and is now set
-- @raise if the value cannot be sent or is nil
function methods.add(d, k, v, extra)
  check_self(d, "dict", "add")
  if extra ~= nil then too_many("add", 2) end
  if v == nil then error("dict: add: the value is nil", 2) end
  return (change(ADD, "add", d, k, v))
end

--- Adds to a number; a missing key counts as 0.
-- @function Dict:incr
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam[opt=1] number n what to add; `incr(k)` adds 1, `incr(k, nil)` is an error
-- @treturn number the new value
-- @raise if the stored value or `n` is not a number
function methods.incr(d, k, ...)
  check_self(d, "dict", "incr")
  local n, extra = ...
  if extra ~= nil then too_many("incr", 2) end
  if n == nil and select("#", ...) == 0 then n = 1 end
  if type(n) ~= "number" or n ~= n then
    error(string.format("dict: incr: the second argument must be a number, got %s",
      type(n) == "number" and "nan" or type(n)), 2)
  end
  local bytes, len, number = key_of(k, 3)
  local r = C.prn_dict_incr(d[ID], bytes, len, number, n)
  if r < 0 then fail(r, "incr", k, 2) end
  return (result_of(r))
end

--- Appends to a string; a missing key counts as "".
-- @function Dict:append
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam string s what to append
-- @raise if the stored value or `s` is not a string
function methods.append(d, k, s, extra)
  check_self(d, "dict", "append")
  if extra ~= nil then too_many("append", 2) end
  if type(s) ~= "string" then
    error(string.format("dict: append: the second argument must be a string, got %s", type(s)), 2)
  end
  change(APPEND, "append", d, k, s)
end

--- Sets a key to `new` if its value is `old`. Compares encoded bytes: use it for scalars, not for tables.
-- @function Dict:cas
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param old the expected value; nil if the key must be absent
-- @param new anything that can be sent; nil deletes
-- @treturn boolean whether the value was `old` and is now `new`
-- @raise if a value cannot be sent
function methods.cas(d, k, old, new, extra)
  check_self(d, "dict", "cas")
  if extra ~= nil then too_many("cas", 2) end
  key_of(k, 3)
  local ok, r = pcall(core.dict_change, CAS, d[ID], k, new, old)
  if not ok then error(string.format("dict: cas of %q: %s", tostring(k), r), 2) end
  if r < 0 then fail(r, "cas", k, 2) end
  return r == 1
end

--- Stores `fn(old value)`.
-- @function Dict:update
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam function fn gets the value (nil if absent) and returns the new one; runs outside any lock, may
--   run several times, and must not post or add
-- @return the new value
-- @raise what `fn` raises, or if the value cannot be sent
function methods.update(d, k, fn, extra)
  check_self(d, "dict", "update")
  if extra ~= nil then too_many("update", 2) end
  if type(fn) ~= "function" then
    error(string.format("dict: update: the second argument must be a function, got %s", type(fn)), 2)
  end
  key_of(k, 3)
  local value, problem = core.dict_update(d[ID], k, fn)
  if problem then error(string.format("dict: update of %q: %s", tostring(k), problem), 2) end
  return value
end

--- Removes a key.
-- @function Dict:delete
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @treturn boolean whether the key was there
function methods.delete(d, k, extra)
  check_self(d, "dict", "delete")
  if extra ~= nil then too_many("delete", 2) end
  local r = C.prn_dict_delete(d[ID], key_of(k, 3))
  if r < 0 then fail(r, "delete", k, 2) end
  return r == 1
end

--- The number of keys.
-- @function Dict:len
-- @treturn number
function methods.len(d, ...)
  check_self(d, "dict", "len")
  no_more("len", 0, ...)
  return C.prn_dict_len(d[ID])
end

--- Iterates over keys and values: `for k, v in d:each() do`, each entry at most once. It
-- may or may not see values written meanwhile. It does not see writes of the running task under a lock.
-- @function Dict:each
-- @treturn function an iterator for `for`
function methods.each(d, ...)
  check_self(d, "dict", "each")
  no_more("each", 0, ...)
  local id, shard, list, n, i = d[ID], 0, nil, 0, 0
  return function()
    while i >= n do
      list, n = core.dict_shard(id, shard)
      if not list then
        n, i = 0, 0
        return nil
      end
      shard, i = shard + 1, 0
    end
    i = i + 1
    return list[2 * i - 1], list[2 * i]
  end
end

local Dict = { __name = "prunner.dict" } -- of forms
M.classes = { Dict }
M.methods = methods

local handles = {} -- by number
local new_handle

-- The dict with that number.
local function of_number(id)
  local d = handles[id]
  if not d then
    d = new_handle(id, { id = id })
    handles[id] = d
  end
  return d
end

local function index(d, k)
  local method = methods[k]
  if method then return method end
  return (get(d, k))
end

local function new_index(d, k, v)
  if methods[k] then
    error(string.format("dict: %q is the name of a method: use d:set(%q, value)", k, k), 2)
  end
  if v == nil then
    methods.delete(d, k)
  else
    change(SET, "set", d, k, v)
  end
end

new_handle = handle.class("dict", Dict, {
  __index = index,
  __newindex = new_index,
  __tostring = function(d) return string.format("prunner.dict: %d keys", methods.len(d)) end,
  use = "use d:each() for pairs(d), d:len() for #d",
  of_form = function(form) return type(form.id) == "number" and of_number(form.id) or nil end,
})

local opened = {}

-- The dict of that name, the same in every worker.
function M.open(name)
  local d = opened[name]
  if not d then
    local id, problem = core.name(core.NAMED.DICT, name)
    if not id then error(string.format("dict %q: %s", name, problem), 3) end
    d = of_number(id)
    opened[name] = d
  end
  return d
end

return M
