--- Measures tasks that wait while others run; for --concurrency.
--
--   prunner scripts/bench/waiting.lua -n 2 -c 5000 -- get 10000 URL       10000: the right answers
--   prunner scripts/bench/waiting.lua -n 2 -c 5001 -- memory 10000 URL    pss_per_task 11712
--   prunner scripts/bench/waiting.lua -n 1 -c 5001 -- collector 5000 URL  longest_step_us 812
--   prunner scripts/bench/waiting.lua -n 1 -c 2 -- switch 1000000         ns_per_switch 211.4
--   prunner scripts/bench/waiting.lua -n 2 -c 50000 -- sleepers 100000    100000: those that ended
--
-- get: COUNT times GET from a server on this machine by socket.http, one per task. memory: the same;
-- when all wait for their answer, the memory of all processes by COUNT. The server must not answer
-- before; in one place more a task measures. collector: the same, but the CPU time of the longest step
-- of Lua's collector, of those of two cycles. switch: CPU time of a sleep(0), by two tasks in turn.
-- sleepers: COUNT tasks that sleep 0.1 to 1 s. Needs lua-socket.

local prunner = require "prunner"
local http = require "socket.http"

local what, count, url = arg[1], tonumber(arg[2]), arg[3]

local done = prunner.counter("done")
local asked = prunner.dict -- asked.n: how many tasks have begun to ask; asked.ended: have their answer

local function get()
  local _, status = http.request(url)
  if status == 200 then done:add(1) end
end

local function get_and_tell()
  asked:incr("n")
  get()
  asked:incr("ended")
end

--- Bytes of a process that it does not share, and its part of what it shares.
local function pss(pid)
  local file = io.open("/proc/" .. pid .. "/smaps_rollup")
  local kib = file and file:read("*a"):match("\nPss: +(%d+) kB")
  if file then file:close() end
  return tonumber(kib or 0) * 1024
end

--- The job's processes: the first one, and its children.
local function processes()
  local parent = assert(io.open("/proc/self/stat")):read("*a"):match("%) %a (%d+)")
  local children = assert(io.open(("/proc/%s/task/%s/children"):format(parent, parent))):read("*a")
  return (parent .. " " .. children):gmatch("%d+")
end

--- fn(), when all wait for their answer.
local function when_all_wait(fn)
  while (asked.n or 0) < count do prunner.sleep(0.05) end
  prunner.sleep(0.5) -- until the last ones have asked, too
  local result = fn()
  assert(not asked.ended, "the server answers too early")
  return result
end

local function measure_memory()
  local bytes = when_all_wait(function()
    local sum = 0
    for pid in processes() do sum = sum + pss(pid) end
    return sum
  end)
  print(("pss_per_task %.0f"):format(bytes / count))
end

local function measure_collector()
  local longest = when_all_wait(function()
    local most, cycles = 0, 0
    while cycles < 2 do
      local start = os.clock()
      if collectgarbage("step", 0) then cycles = cycles + 1 end
      most = math.max(most, os.clock() - start)
    end
    return most
  end)
  print(("longest_step_us %.0f"):format(longest * 1e6))
end

local function switch()
  local start = os.clock()
  for _ = 1, count / 2 do prunner.sleep(0) end
  prunner.collector("switched"):add({ start, os.clock() })
end

local function sleep(i)
  prunner.sleep(0.1 + i * 7919 % 1000 * 0.0009)
  done:add(1)
end

local KINDS = {}

function KINDS.get()
  for _ = 1, count do prunner.post_task(get) end
  return function() print(done:get()) end
end

local function together(measure)
  prunner.post_task(measure)
  for _ = 1, count do prunner.post_task(get_and_tell) end
  return function() assert(done:get() == count, "an answer is missing") end
end

function KINDS.memory() return together(measure_memory) end

function KINDS.collector() return together(measure_collector) end

function KINDS.switch()
  for _ = 1, 2 do prunner.post_task(switch) end
  return function()
    local first, last = math.huge, 0
    for _, times in ipairs(prunner.collector("switched"):get()) do
      first, last = math.min(first, times[1]), math.max(last, times[2])
    end
    print(("ns_per_switch %.1f"):format((last - first) / count * 1e9))
  end
end

function KINDS.sleepers()
  for i = 1, count do prunner.post_task(sleep, i) end
  return function() print(done:get()) end
end

if not KINDS[what] or not count then
  error("usage: waiting.lua -- get|memory|collector COUNT URL, or switch|sleepers COUNT", 0)
end

local finish

function begin() finish = KINDS[what]() end

function end_() finish() end
