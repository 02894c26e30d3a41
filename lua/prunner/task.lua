--- Posting tasks.
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"
local native = require "prunner.native"
local registry = require "prunner.registry"

local C, core, scratch = native.C, native.core, native.scratch
local ids = registry.ids
local no_more = arguments.no_more
local select, type = select, type

local M = {}

local NOT_NOW, LOCK_HELD = -core.errno.EPERM, -core.errno.EBUSY
local DIFFERS = -core.errno.EINVAL -- from what an earlier run has posted

local WHEN = {
  loading = "while the script loads",
  hook = "in worker_begin, worker_end or on_error",
  update = "in the function of d:update, which may run several times",
  ["end"] = "in end_: the workers are gone",
  running = "now",
}

local function why_not(err)
  if err == NOT_NOW then
    return string.format("tasks are posted by begin() and by tasks, not %s", WHEN[core.moment()] or "now")
  elseif err == DIFFERS then
    return "this run posts different tasks from an earlier run whose posts are already done: "
      .. "it is not deterministic in its arguments"
  end
  return core.error_text(err)
end

local function fail(level, what, id, problem)
  error(string.format("%s(%s): %s", what, registry.name_of(id), problem), level + 1)
end

-- Where a nil instead of a function may come from.
local NIL = " (a misspelt name? a local function that is defined further down? f(x) instead of f, x?)"

-- The number of a function that has none yet, or an error that says what to do.
local function resolve(fn, what, level)
  local moment = core.moment()
  if moment == "begin" and (type(fn) == "function" or type(fn) == "string") then
    local number = registry.number_in_begin(fn)
    if number then return number end
    if type(fn) == "function" then
      error(string.format("%s: under --state a task's function needs a name that it has again when the "
        .. "job is resumed: the one defined at %s has none; make it global, or name it with "
        .. "prunner.task while the script loads", what, registry.where_of(fn)), level + 1)
    end
  end
  if type(fn) == "string" then
    error(string.format(
      "%s: no function is called %q: name it with prunner.task, or give the function itself",
      what, fn), level + 1)
  elseif type(fn) ~= "function" then
    error(string.format("%s: the %s argument must be a function or its name, got %s%s",
      what, what == "post_once" and "second" or "first", type(fn), fn == nil and NIL or ""),
      level + 1)
  elseif moment ~= "task" then
    error(string.format("%s: %s", what, why_not(NOT_NOW)), level + 1)
  end
  error(string.format("%s: the function defined at %s was not known before the workers started: define it "
    .. "at the top level of the script, or name it with prunner.task, and give what differs as "
    .. "arguments", what, registry.where_of(fn)), level + 1)
end

local OTHER = core.POST.OTHER -- not done: post_any does it, or knows what to say

-- The commonest posts: a number, or a string, and nothing else.
local function post_one(id, v)
  local t = type(v)
  if t == "number" then return C.prn_post_number(id, v) end
  if t == "string" then return C.prn_post_string(id, v, #v) end
  return OTHER
end

-- Adds one scalar to the argument builder in scratch i.
local function put(i, v)
  local t = type(v)
  if t == "number" then return C.prn_args_number(i, v) end
  if t == "string" then return C.prn_args_string(i, v, #v) end
  if t == "nil" then return C.prn_args_nil(i) end
  if t == "boolean" then return C.prn_args_boolean(i, v and 1 or 0) end
  return OTHER
end

-- Tables, functions, many arguments: through the C API, with the errors that name the path.
local function post_any(id, level, what, ...)
  local err, problem = core.post(id, ...)
  if err == 0 then return end
  fail(level + 1, what, id, problem or why_not(err))
end

local debugging = false

-- Remember the line of each post, for reports (--debug). Called once, before the fork.
function M.remember_lines()
  debugging = true
end

local function note_line()
  local info = debug.getinfo(3, "l")
  C.prn_post_line(info and info.currentline > 0 and info.currentline or 0)
end

--- Tasks
-- @section tasks

--- Posts a task: some worker will call `fn(...)`. The task can start when the task that posted it
-- (or begin) has ended without an error. Long producers publish their posts earlier, in parts.
-- Never waits.
-- @tparam function|string fn a function that existed before the workers were started, or its name
-- @param ... arguments: nil, booleans, numbers, strings, tables, int64, functions, objects
-- @raise if fn is not known, a value cannot be sent, or the memory is full
function M.post_task(fn, ...)
  local id = ids[fn]
  if not id then id = resolve(fn, "post_task", 2) end
  if debugging then note_line() end
  local n = select("#", ...)
  if n == 1 then
    local err = post_one(id, (...))
    if err ~= OTHER then
      if err ~= 0 then fail(2, "post_task", id, why_not(err)) end
      return
    end
  end
  local a, b, d = ...
  if n <= 3 and type(a) ~= "table" and type(b) ~= "table" and type(d) ~= "table" then
    local i, err = C.prn_args_begin(), 0
    if n >= 1 then err = put(i, a) end
    if err == 0 and n >= 2 then err = put(i, b) end
    if err == 0 and n == 3 then err = put(i, d) end
    if err == 0 then
      err = C.prn_args_post(i, id)
      if err ~= 0 then fail(2, "post_task", id, why_not(err)) end
      return
    end
    scratch.depth = i -- post_any knows how, or has the words for why not
  end
  post_any(id, 2, "post_task", ...)
end

-- What a table has that no list has, or nil.
local function why_no_list(list)
  local n, count = #list, 0
  for key in next, list do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 then
      return "it has the key " .. (type(key) == "string" and string.format("%q", key) or tostring(key))
    end
    count = count + 1
  end
  if count == n and (n == 0 or rawget(list, n) ~= nil) then return nil end
  local hole = 1
  while rawget(list, hole) ~= nil do hole = hole + 1 end
  return string.format("there is nothing at %d", hole)
end

local KEY_BYTES = core.MAX.KEY_BYTES

local function check_key(key)
  local t = type(key)
  if t == "string" then
    if #key > KEY_BYTES then
      error(string.format("post_once: a key may have up to %d KiB", KEY_BYTES / 1024), 3)
    end
  elseif (t ~= "number" or key ~= key) and t ~= "boolean" then
    error(string.format("post_once: the key must be a string, a number or a boolean, got %s",
      t == "number" and "nan" or t), 3)
  end
end

--- Posts `fn(...)` unless a task of this job with this key was posted before: each thing once,
-- even after errors and crashes. Of several tasks with the same key the first that starts runs; the
-- others end without running. A task that failed for good keeps its key.
-- @tparam string|number|boolean key at most 32 KiB; unique in the job, for all functions
-- @tparam function|string fn as for @{post_task}
-- @param ... arguments
-- @raise as @{post_task}, or if the key is not allowed
function M.post_once(key, fn, ...)
  check_key(key)
  local id = ids[fn] or resolve(fn, "post_once", 2)
  if debugging then note_line() end
  local err, problem = core.post_once(id, key, ...)
  if err ~= 0 then fail(2, "post_once", id, problem or why_not(err)) end
end

--- Posts `fn(element)` for each element of a list.
-- @tparam function|string fn as for @{post_task}
-- @tparam {any,...} list elements 1 to #list, without holes
-- @raise as @{post_task}, or if `list` is not a list; then nothing is posted
function M.post_many(fn, list, ...)
  local id = ids[fn] or resolve(fn, "post_many", 2)
  local problem = type(list) ~= "table" and "got " .. type(list) or why_no_list(list)
  if problem then error("post_many: the second argument must be a list, " .. problem, 2) end
  no_more("post_many", 2, ...)
  if debugging then note_line() end
  for i = 1, #list do
    local v = list[i]
    local err = post_one(id, v)
    if err == OTHER then
      post_any(id, 2, "post_many", v)
    elseif err ~= 0 then
      fail(2, "post_many", id, why_not(err))
    end
  end
end

local LIMITS = {
  retries = { 0, core.MAX.RETRIES, whole = true },
  max_crashes = { 1, core.MAX.CRASHES, whole = true },
  timeout = { 0.001, 1e9 },
  backoff = { 0, 1e6 },
}

local function check_options(options)
  if options == nil then return end
  if type(options) ~= "table" then
    error(string.format("task: options must be a table, got %s", type(options)), 3)
  end
  for k, v in pairs(options) do
    local limit = LIMITS[k]
    if k == "atomic_posts" then
      if type(v) ~= "boolean" then error("task: atomic_posts must be true or false", 3) end
    elseif not limit then
      error(string.format(
        "task: unknown option %q (there are retries, max_crashes, timeout, backoff, atomic_posts)",
        tostring(k)), 3)
    elseif type(v) ~= "number" or not (v >= limit[1] and v <= limit[2])
        or (limit.whole and v % 1 ~= 0) then
      error(string.format("task: %s must be a %snumber from %s to %s", k, limit.whole and "whole " or "",
        limit[1], limit[2]), 3)
    end
  end
end

-- What each function was named with first, by prunner.task: name, options, place.
local named = setmetatable({}, { __mode = "k" })
-- What each name was given to: function, place.
local given = {}

-- What is meant where an option is not given; the others are then the command line's.
local DEFAULTS = { backoff = 0, atomic_posts = false }

local function same_options(a, b)
  for _, k in ipairs { "retries", "max_crashes", "timeout", "backoff", "atomic_posts" } do
    local x, y = a[k], b[k]
    if x == nil then x = DEFAULTS[k] end
    if y == nil then y = DEFAULTS[k] end
    if x ~= y then return false end
  end
  return true
end

-- A name means one function, or tasks that were posted under it would be others than they seem. Options
-- belong to the function: under another name they would hold for the first one as well.
local function check_named_before(name, fn, options)
  local info = debug.getinfo(3, "Sl")
  local now = { name = name, options = {}, where = info.short_src .. ":" .. info.currentline }
  local first = given[name]
  if first and first.fn ~= fn then
    error(string.format(
      "task: %q (%s) is the name of another function already (%s): give this one a name of its own",
      name, now.where, first.where), 3)
  end
  for k, v in pairs(options or {}) do now.options[k] = v end
  local before = named[fn]
  if before and not same_options(before.options, now.options)
      and not (before.name == name and next(before.options) == nil) then
    error(string.format(
      "task: %q (%s) is the same function as %q (%s), with other options: a function has one "
      .. "set of options, whatever it is called. Name another one that calls it",
      name, now.where, before.name, before.where), 3)
  end
  named[fn] = now
  given[name] = first or { fn = fn, where = now.where }
end

--- Names a function and sets the options of its tasks.
-- @tparam string name for posts and reports
-- @tparam function fn the function
-- @tparam[opt] table options override the command line
-- @tparam[opt] integer options.retries runs after errors, 0 to 254 (default: --retries, 0)
-- @tparam[opt] integer options.max_crashes workers that it may crash before it is quarantined, 1 to 255
--   (default: --max-crashes, 3)
-- @tparam[opt] number options.timeout seconds that a run may take (default: --timeout, no limit)
-- @tparam[opt=0] number options.backoff seconds before the first retry; doubles each time
-- @tparam[opt=false] boolean options.atomic_posts true: publish all posts of a run together, at its end
-- @treturn function `fn`
-- @raise if an argument or option is wrong, another function has the name, the function was named before
--   with other options, or the workers have been started
function M.task(name, fn, options, ...)
  if type(name) ~= "string" or name == "" then
    error(string.format("task: the name must be a string%s", name == "" and ", and not an empty one"
      or ", got " .. type(name)), 2)
  elseif type(fn) ~= "function" then
    error(string.format("task: the second argument must be a function, got %s%s",
      type(fn), fn == nil and " (is it defined above this line?)" or ""), 2)
  end
  check_options(options)
  no_more("task", 3, ...)
  local moment = core.moment()
  if moment ~= "loading" and moment ~= "begin" then
    error("task: functions are named while the script loads or in begin(), before the workers "
      .. "start", 2)
  end
  check_named_before(name, fn, options)
  registry.name(fn, name, options)
  return fn
end

local SCALARS = { ["nil"] = true, boolean = true, number = true, string = true, ["function"] = true }

--- Names a value with an identity, such as the `null` of a library. When it is sent, alone or inside
-- a table, it arrives as the very same value and not as a copy.
-- @tparam string name the same in every run
-- @param value a table, userdata, light userdata, cdata or coroutine that exists before the workers start
-- @return the value
-- @raise if an argument is wrong, another value has that name, or the workers have been started
function M.constant(name, value, ...)
  no_more("constant", 2, ...)
  if type(name) ~= "string" or name == "" then
    error(string.format("constant: the name must be a string%s", name == "" and ", and not an empty one"
      or ", got " .. type(name)), 2)
  elseif SCALARS[type(value)] then
    error(string.format("constant: %s: a %s needs no name: it is sent as it is", name, type(value)), 2)
  end
  local moment = core.moment()
  if moment ~= "loading" and moment ~= "begin" then
    error("constant: constants are named while the script loads or in begin(), before the workers start", 2)
  end
  if registry.constant(value, name) ~= nil then
    error(string.format("constant: another value is called %q", name), 2)
  end
  return value
end

--- Makes everything permanent that the running task did so far: posts, adds, dict writes. If the task
-- has to run again, @{cursor} returns the cursor of the last commit. Use it in long tasks: read a part
-- of a file, post, commit.
-- @param[opt] cursor anything that can be sent: where to continue
-- @raise outside tasks, while a lock is held, or if the cursor cannot be sent
function M.commit(cursor, ...)
  no_more("commit", 1, ...)
  local ok, err = pcall(core.commit, cursor)
  if not ok then error("commit: the cursor: " .. err, 2) end
  if err == NOT_NOW then error("commit: only a running task can commit", 2) end
  if err == LOCK_HELD then error("commit: not while a lock is held: release it first", 2) end
  if err ~= 0 then error("commit: " .. why_not(err), 2) end
end

--- The cursor that an earlier run of this task gave to @{commit}.
-- @function cursor
-- @return the cursor; nil if there was no commit
function M.cursor(...)
  no_more("cursor", 0, ...)
  return (core.cursor())
end

-- As many as a table of LuaJIT may have; it would say "table overflow" when the memory is full.
local RANGE_MAX = 2 ^ 27

--- A list of numbers: `range(n)` is `{0, ..., n - 1}`, `range(from, n)` is `{from, ..., n - 1}`.
-- @tparam[opt=0] integer from the first number
-- @tparam integer n the last number plus 1
-- @treturn {number,...}
-- @raise if an argument is not a number
function M.range(from, n, ...)
  no_more("range", 2, ...)
  if n == nil then from, n = 0, from end
  if type(from) ~= "number" or type(n) ~= "number" or from - from ~= 0 or n - n ~= 0 then
    error("range: finite numbers are needed", 2)
  end
  if n - from > RANGE_MAX or from + 1 == from or n - 1 == n then
    error(string.format(
      "range: a list may have up to %d numbers, none beyond 2^53: post the others from a loop",
      RANGE_MAX), 2)
  end
  local list = {}
  for i = from, n - 1 do list[#list + 1] = i end
  return list
end

return M
