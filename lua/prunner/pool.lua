--- Pools: what tasks of one worker share, one at a time: connections.
--
--     local db = prunner.pool(function() return connect("db", 5432) end, 4)
--     function work(i) db:use(function(c) c:query(i) end) end
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local wait = require "prunner.wait"

local C, core = native.C, native.core

local M = {}

--- Connections of a worker. Made by @{pool}.
-- @type Pool
local Pool = { __name = "prunner.pool" }
Pool.__index = Pool

-- [pool] = what it has in this process
local inner = setmetatable({}, { __mode = "k" })

local function empty(p)
  p.worker, p.free, p.made, p.users, p.used = C.prn_worker_id(), {}, 0, {}, {}
  p.waiters, p.first, p.last = {}, 1, 0
end

-- What was made before the fork is the supervisor's: two processes on one connection would mix what they
-- say. It is kept, since its finalizer might say something, too.
local function of_this_worker(p)
  if p.worker == C.prn_worker_id() then return end
  p.inherited = { p.inherited, p.free }
  empty(p)
end

local function close(connection)
  if connection.close then connection:close() end
end

-- A job that stops gives back tasks which wait for others: they do not continue, and what they use is as
-- after an error. Asked by a hook, when no task of this worker is left.
local function take_back(p)
  if p.users[0] or core.waiting() > 0 then return end
  for connection in next, p.used do
    pcall(close, connection)
    p.made = p.made - 1
  end
  p.users, p.used = {}, {}
end

-- Lets the next one who waits continue: with this connection, or, nil, to make one. false: nobody waits.
local function hand_on(p, connection)
  while p.first <= p.last do
    local waiter = p.waiters[p.first]
    p.waiters[p.first] = nil
    p.first = p.first + 1
    if waiter and core.tell(waiter.ticket) then
      waiter.told, waiter.connection = true, connection
      return true
    end
  end
  return false
end

local function give_back(p, connection)
  if not hand_on(p, connection) then p.free[#p.free + 1] = connection end
end

-- There may be one more.
local function give_up(p)
  p.made = p.made - 1
  if p.first <= p.last then
    p.made = p.made + 1
    if not hand_on(p, nil) then p.made = p.made - 1 end
  end
end

-- For a connection, or for the right to make one. As a pair with `true`; nil and the message.
local function wait_for_one(p)
  local waiter = { ticket = core.ticket() }
  p.last = p.last + 1
  local at = p.last
  p.waiters[at] = waiter
  local ok, message, raise = wait.call(core.wait_told, waiter.ticket, nil, wait.WAIT.POOL)
  if ok then return true, waiter.connection end
  if p.waiters[at] == waiter then p.waiters[at] = false end
  if raise then
    -- It was told, and then its time was over or there was no memory: others can have it.
    if waiter.told and waiter.connection ~= nil then
      give_back(p, waiter.connection)
    elseif waiter.told then
      give_up(p)
    end
    return nil, message
  end
  return nil, string.format("pool: all %d connections of this worker are in use, and %s no other "
    .. "task can run that would give one back", p.max, message)
end

-- A new one, whose place is counted already.
local function make_one(p)
  local ok, connection, problem = pcall(p.make)
  if ok and connection ~= nil and connection ~= false then return connection end
  give_up(p)
  if not ok then error(connection, 0) end
  error("pool: make returned no connection" .. (problem ~= nil and ": " .. tostring(problem) or ""), 0)
end

local function take(p, user, level)
  if user == 0 then take_back(p) end
  local n = #p.free
  if n > 0 then
    local connection = p.free[n]
    p.free[n] = nil
    return connection
  elseif p.made < p.max then
    p.made = p.made + 1
    return make_one(p)
  elseif p.users[user] then
    error(string.format("pool: all %d connections of this worker are in use, and this task has one of them: "
      .. "it would wait for itself", p.max), level + 1)
  end
  local ok, connection = wait_for_one(p)
  if not ok then error(connection, level + 1) end
  if connection == nil then return make_one(p) end
  return connection
end

-- The end of a use.
local function finish(p, user, connection, ok, ...)
  p.users[user] = p.users[user] > 1 and p.users[user] - 1 or nil
  p.used[connection] = nil
  if ok then
    give_back(p, connection)
    return ...
  end
  pcall(close, connection)
  give_up(p)
  error((...), 0)
end

--- Calls `fn(connection, ...)` with a connection that nobody else of this worker uses meanwhile: one that
-- is free, or a new one, or, if there are `max`, the next that is given back. Those who wait get one in the
-- order in which they came; with `--concurrency` above 1 the worker runs other tasks meanwhile. If `fn`
-- raises an error the connection is not used again: its method `close` is called, if it has one.
-- @tparam function fn called with the connection first
-- @param ... its further arguments
-- @return what `fn` returns
-- @raise what `fn` or `make` raises; if `make` returns nil; if all connections are in use and no other
--   task can run here (in hooks, under a lock, without `--concurrency`), or this task has one of them;
--   when the task's time is over
function Pool:use(fn, ...)
  local p = inner[self]
  if not p then error("use: a pool is needed: use pool:use(fn)", 2) end
  if type(fn) ~= "function" then
    error(string.format("pool: a function is needed, got %s", type(fn)), 2)
  end
  of_this_worker(p)
  local user = C.prn_task_id()
  local connection = take(p, user, 2)
  p.users[user] = (p.users[user] or 0) + 1
  p.used[connection] = true
  return finish(p, user, connection, pcall(fn, connection, ...))
end

function Pool:__tostring()
  local p = inner[self]
  if not p then return "prunner.pool" end
  return string.format("prunner.pool (%d of %d, %d free)", p.made, p.max, #p.free)
end

--- Waiting
-- @section waiting

--- A pool of connections, or of anything else that two tasks must not use at once. Each worker has its own.
-- @tparam function make called without arguments when there is no free connection: returns a new one, or nil
--   and a message
-- @tparam integer max how many a worker may have, 1 or more
-- @treturn Pool
-- @raise if an argument is wrong
function M.pool(make, max, ...)
  if type(make) ~= "function" then
    error(string.format("pool: a function that makes a connection is needed, got %s", type(make)), 2)
  elseif type(max) ~= "number" or max < 1 or max % 1 ~= 0 or max > 2 ^ 31 then
    error(string.format("pool: a number of connections is needed, 1 or more, got %s", tostring(max)), 2)
  elseif select("#", ...) > 0 then
    error("pool: a function and a number, no more", 2)
  end
  local pool, p = setmetatable({}, Pool), { make = make, max = max }
  empty(p)
  inner[pool] = p
  return pool
end

M.classes = { Pool }

return M
