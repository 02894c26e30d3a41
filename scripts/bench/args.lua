--- Measures the cost of a task by its argument: a number, a small table, a string of 1 KB.
--
--   prunner scripts/bench/args.lua -n 1 -- chain table 1000000      ns_per_task 412.0
--   prunner scripts/bench/args.lua -n 2 -- spread string 200000
--
-- chain: 64 chains of tasks; each task posts its own argument again. Few tasks wait at a time.
-- spread: one task posts all others. With -n 2 the other worker steals tasks, so arguments go from
-- one process to the other.

local prunner = require "prunner"
local clock = require "clock"

local CHAINS = 64

local how, kind, count = arg[1], arg[2], tonumber(arg[3]) or 100000
local value = ({
  number = 5,
  table = { id = 5, name = "hello", x = { 1, 2, 3 } },
  string = ("s"):rep(1024),
})[kind]
if not value or (how ~= "chain" and how ~= "spread") then
  error("usage: args.lua -- chain|spread number|table|string COUNT", 0)
end

-- How a task checks that its argument has arrived.
local look = ({
  number = function(v) return v end,
  table = function(v) return v.x[3] + v.id - 3 end,
  string = function(v) return #v - 1019 end,
})[kind]

local seen = prunner.counter("seen")
local start

local function link(v, left)
  seen:add(look(v))
  if left > 1 then prunner.post_task(link, v, left - 1) end
end

local function leaf(v)
  seen:add(look(v))
end

local function spread()
  for _ = 1, count do prunner.post_task(leaf, value) end
end

function begin()
  count = math.ceil(count / CHAINS) * CHAINS
  start = clock.now()
  if how == "spread" then return prunner.post_task(spread) end
  for _ = 1, CHAINS do prunner.post_task(link, value, count / CHAINS) end
end

function end_()
  local seconds = clock.now() - start
  assert(seen:get() == 5 * count, "an argument did not arrive")
  print(("ns_per_task %.1f"):format(seconds / count * 1e9))
end
