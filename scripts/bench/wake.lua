--- Measures how long an idle worker takes to wake up when there is work again: the median time from
-- the post to the start of the task.
--
--   prunner scripts/bench/wake.lua -n 2 -- 500      post_to_start_us 38.20
--
-- One task posts ROUNDS tasks, one at a time, and sleeps before each for PAUSE microseconds (the
-- second argument, default 1000), so that the other worker is asleep by then. prunner.commit makes
-- each post visible at once; its time is included.

local prunner = require "prunner"
local clock = require "clock"

local rounds = tonumber(arg[1]) or 500
local pause = (tonumber(arg[2]) or 1000) / 1e6

local took = prunner.collector("took")

local function start_of_task(posted)
  took:add(clock.now() - posted)
end

local function post_and_rest()
  for i = 1, rounds do
    clock.rest(pause)
    prunner.post_task(start_of_task, clock.now())
    prunner.commit(i)
  end
  clock.rest(pause) -- the last one too is for the other worker
end

function begin()
  prunner.post_task(post_and_rest)
end

function end_()
  local all = took:get()
  assert(#all == rounds, "a task is missing")
  table.sort(all)
  print(("post_to_start_us %.2f"):format(all[math.ceil(#all / 2)] * 1e6))
end
