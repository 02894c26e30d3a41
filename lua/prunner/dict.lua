--- The shared dictionary. Keys are strings, numbers or booleans, values everything that can
-- be sent; what is read is a copy.
--
--     prunner.dict.hits = 0
--     prunner.dict:incr "hits"
--     for key, value in prunner.dict:each() do print(key, value) end
setfenv(1, require "prunner.globals")

local ffi = require "ffi"
local native = require "prunner.native"

local C, core = native.C, native.core
local ffi_string = ffi.string
local result = C.prn_result()

-- Under this key a handle keeps the number of its name. No one writes it as `d.name`.
local ID = "\0id"

local OP, RESULT = core.DICT_OP, core.RESULT
local SET, ADD, INCR, APPEND, CAS = OP.SET, OP.ADD, OP.INCR, OP.APPEND, OP.CAS
local NIL, NUMBER, STRING, OTHER = RESULT.NIL, RESULT.NUMBER, RESULT.STRING, RESULT.OTHER
local EINVAL = core.errno.EINVAL

local M = {}
local methods = {}

local function set_key(k, what)
  local t = type(k)
  local err
  if t == "string" then
    err = C.prn_key_string(k, #k)
  elseif t == "number" and k == k then
    err = C.prn_key_number(k)
  elseif t == "boolean" then
    err = C.prn_key_boolean(k and 1 or 0)
  else
    error(("dict: a key must be a string, a number or a boolean, got %s")
      :format(t == "number" and "nan" or t), what)
  end
  if err ~= 0 then error(("dict: a key may have up to %d KiB"):format(core.MAX.KEY_BYTES / 1024), what) end
end

local function fail(err, what, k, level)
  if err == -EINVAL then
    error(("dict: %s of %q: the value there is no %s"):format(what, tostring(k),
      what == "append" and "string" or "number"), level + 1)
  end
  error(("dict: %s of %q: %s"):format(what, tostring(k), core.error_text(err)), level + 1)
end

local function get(d, k)
  set_key(k, 4)
  local kind = C.prn_dict_get(d[ID])
  if kind == NUMBER then return result.number end
  if kind == STRING then return ffi_string(result.bytes, result.len) end
  if kind == NIL then return nil end
  if kind == OTHER then return (core.dict_value()) end
  fail(kind, "get", k, 3)
end

-- One operation with a value: scalars through FFI, the rest through the C API.
local function change(kind, what, d, k, v, old)
  set_key(k, 4)
  local t = type(v)
  local r
  if t == "number" and old == nil then
    r = C.prn_dict_number(kind, d[ID], v)
  elseif t == "string" and old == nil then
    r = C.prn_dict_string(kind, d[ID], v, #v)
  else
    local ok, got = pcall(core.dict_change, kind, d[ID], v, old)
    if not ok then error(("dict: %s of %q: %s"):format(what, tostring(k), got), 3) end
    r = got
  end
  if r < 0 then fail(r, what, k, 3) end
  return r == 1
end

--- A dictionary that all workers share. `d.k`, `d[k]`, `d.k = v` work as with a table; assigning
-- nil deletes. Each operation is atomic by itself. Values are everything that can be sent; what is
-- read is a copy. All operations raise if the key is no string, number or boolean, or is too long,
-- and those that write if no room is left.
-- @type Dict

--- The value of a key. Takes no lock and waits for nobody.
-- @function Dict:get
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @return a copy of the value; nil: there is none
function methods.get(d, k)
  return (get(d, k))
end

--- Sets any key, also one that is called like a method.
-- @function Dict:set
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param v anything that can be sent; nil deletes
-- @raise if the value cannot be sent
function methods.set(d, k, v)
  if v == nil then
    set_key(k, 3)
    local r = C.prn_dict_delete(d[ID])
    if r < 0 then fail(r, "delete", k, 2) end
    return
  end
  change(SET, "set", d, k, v)
end

--- Sets a key only if it is absent: of several workers that try, one succeeds.
-- @function Dict:add
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param v anything that can be sent, but not nil
-- @treturn boolean whether it was absent, and is set now
-- @raise if the value cannot be sent or is nil
function methods.add(d, k, v)
  if v == nil then error("dict: add: the value is nil", 2) end
  return (change(ADD, "add", d, k, v))
end

--- Adds to a number; a missing key counts as 0.
-- @function Dict:incr
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam[opt=1] number n what to add
-- @treturn number the new value
-- @raise if the value there, or `n`, is no number
function methods.incr(d, k, n)
  if n == nil then n = 1 end
  if type(n) ~= "number" then
    error(("dict: incr: the second argument must be a number, got %s"):format(type(n)), 2)
  end
  set_key(k, 3)
  local r = C.prn_dict_number(INCR, d[ID], n)
  if r < 0 then fail(r, "incr", k, 2) end
  return result.number
end

--- Appends to a string; a missing key counts as "".
-- @function Dict:append
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam string s what to append
-- @raise if the value there, or `s`, is no string
function methods.append(d, k, s)
  if type(s) ~= "string" then
    error(("dict: append: the second argument must be a string, got %s"):format(type(s)), 2)
  end
  change(APPEND, "append", d, k, s)
end

--- Sets a key to `new` if its value is `old`. Compares encoded bytes: for scalars, not for tables.
-- @function Dict:cas
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @param old what has to be there; nil: the key is absent
-- @param new anything that can be sent; nil deletes
-- @treturn boolean whether it was so, and is set now
-- @raise if a value cannot be sent
function methods.cas(d, k, old, new)
  set_key(k, 3)
  local ok, r = pcall(core.dict_change, CAS, d[ID], new, old)
  if not ok then error(("dict: cas of %q: %s"):format(tostring(k), r), 2) end
  if r < 0 then fail(r, "cas", k, 2) end
  return r == 1
end

--- Stores `fn(old value)`.
-- @function Dict:update
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @tparam function fn gets the value (nil: none) and returns the new one; runs outside any lock, may
--   run several times, and must not post
-- @return the new value
-- @raise what `fn` raises, or if the value cannot be sent
function methods.update(d, k, fn)
  if type(fn) ~= "function" then
    error(("dict: update: the second argument must be a function, got %s"):format(type(fn)), 2)
  end
  set_key(k, 3)
  local value, problem = core.dict_update(d[ID], fn)
  if problem then error(("dict: update of %q: %s"):format(tostring(k), problem), 2) end
  return value
end

--- Removes a key.
-- @function Dict:delete
-- @tparam string|number|boolean k the key, at most 32 KiB
-- @treturn boolean whether it was there
function methods.delete(d, k)
  set_key(k, 3)
  local r = C.prn_dict_delete(d[ID])
  if r < 0 then fail(r, "delete", k, 2) end
  return r == 1
end

--- How many keys there are.
-- @function Dict:len
-- @treturn number
function methods.len(d)
  return C.prn_dict_len(d[ID])
end

--- Iterates over keys and values: `for k, v in d:each() do`, each entry at most once. What is
-- written meanwhile may or may not be seen; what the running task has written under a lock is not.
-- @function Dict:each
-- @treturn function an iterator for `for`
function methods.each(d)
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

local Dict = { __name = "prunner.dict" }
M.classes = { Dict }

function Dict.__index(d, k)
  local method = methods[k]
  if method then return method end
  return (get(d, k))
end

function Dict.__newindex(d, k, v)
  if methods[k] then
    error(("dict: %q is the name of a method: use d:set(%q, value)"):format(k, k), 2)
  end
  if v == nil then
    methods.delete(d, k)
  else
    change(SET, "set", d, k, v)
  end
end

function Dict.__tostring(d)
  return ("prunner.dict: %d keys"):format(methods.len(d))
end

local opened = {}

-- The dict of that name, the same in every worker.
function M.open(name)
  local d = opened[name]
  if not d then
    local id, problem = core.name(core.NAMED.DICT, name)
    if not id then error(("dict %q: %s"):format(name, problem), 3) end
    d = setmetatable({ [ID] = id }, Dict)
    opened[name] = d
  end
  return d
end

return M
