--- What prunner wants to reach, each a number made from the results.
--
-- goals.judge(results, items) returns a list of
--   text, wanted (such as "at least 1.0"), value (nil: not measured), reached
-- Ratios are medians of the ratios of each round, see bench/statistics.lua.

local report = require "report"
local statistics = require "statistics"

local goals = {}

--- Looks things up in results; everything returns nil where something was not measured.
local Lookup = {}
Lookup.__index = Lookup

--- The item whose name matches a pattern.
function Lookup:item(pattern)
  for _, item in ipairs(self.results) do
    if item.name:find(pattern) then return item end
  end
end

function Lookup:values(pattern, label)
  local item = self:item(pattern)
  for _, program in ipairs(item and item.programs or {}) do
    if program.label == label then return program.values end
  end
end

function Lookup:median(item, label)
  local values = self:values(item, label)
  return values and statistics.median(values)
end

local function combine(operation)
  return function(self, item, a, b)
    a, b = self:values(item, a), self:values(item, b)
    return a and b and statistics.median(statistics.pairwise(a, b, operation))
  end
end

Lookup.ratio = combine(function(a, b) return a / b end)
Lookup.difference = combine(function(a, b) return a - b end)

--- The least ratio of `ours` to any of `theirs` that was measured.
function Lookup:against(item, ours, theirs)
  local least
  for _, label in ipairs(theirs) do
    local ratio = self:ratio(item, ours, label)
    least = ratio and math.min(ratio, least or ratio) or least
  end
  return least
end

function Lookup:over_ideal(item)
  local seconds = self:median(item, "prunner, keep-alive")
  return seconds and seconds / self:item(item).ideal
end

--- The time over the ideal of the first program by that of the second.
function Lookup:excess(pattern)
  local item = self:item(pattern)
  if not item then return nil end
  local ours, theirs = item.programs[1].values, item.programs[2].values
  return ours and theirs and statistics.median(statistics.pairwise(ours, theirs, function(a, b)
    return (a - item.ideal) / (b - item.ideal)
  end))
end

--- The median of an item with one program.
function Lookup:only(pattern)
  local item = self:item(pattern)
  return item and item.programs[1].values and statistics.median(item.programs[1].values)
end

--- The medians with few and with many tasks queued.
function Lookup:queued(field)
  local item = self:item("^queued_" .. field)
  if not item then return nil end
  local first, second = item.programs[1].values, item.programs[2].values
  if first and second then return statistics.median(first), statistics.median(second) end
end

local function less(a, b) return a and b and a - b end

local LARGE_2, LARGE_10 = "^sum_n%d%d%d%d%d+_w2$", "^sum_n%d%d%d%d%d+_w10$"
local SMALL = "^sum_n%d%d?%d?%d_w"
local COUNTER, FUNCTION = "prunner: counter", "prunner: global_lock(function)"
local GO_POOLS = { "Go: pool-queue", "Go: pool-queue-atomic" }

-- at_least or at_most: the bound; value(l): what is held against it, l is a Lookup.
local GOALS = {
  { text = "Sum job, N = 2,000,000, W = 2: tasks/s over the faster Go pool (`pool-queue`, "
      .. "`pool-queue-atomic`)",
    at_least = 1.0, value = function(l) return l:against(LARGE_2, COUNTER, GO_POOLS) end },
  { text = "the same over the Go pool with encoded arguments (`pool-enc`)",
    at_least = 3.0, value = function(l) return l:ratio(LARGE_2, COUNTER, "Go: pool-enc") end },
  { text = "the same over TBB",
    at_least = 2.0,
    value = function(l) return l:against(LARGE_2, COUNTER, { "TBB: mutex", "TBB: atomic" }) end },
  { text = "Sum job, N = 2,000,000, W = 10: tasks/s over the faster Go pool",
    at_least = 1.2, value = function(l) return l:against(LARGE_10, COUNTER, GO_POOLS) end },
  { text = "Function under the global lock, N = 2,000,000, W = 2: tasks/s over `pool-queue`",
    at_least = 0.5, value = function(l) return l:ratio(LARGE_2, FUNCTION, "Go: pool-queue") end },
  { text = "Sum job, N = 2,000, W = 10, whole process: time over the Go program's (`pool-queue`)",
    at_most = 3.0, value = function(l) return l:ratio(SMALL .. "10$", COUNTER, "Go: pool-queue") end },
  { text = "the same: ms more for each further 10 workers, W = 10 to 100",
    at_most = 5.0,
    value = function(l)
      local more = less(l:median(SMALL .. "100$", COUNTER), l:median(SMALL .. "10$", COUNTER))
      return more and more / 9
    end },
  { text = "n-queens: speed of 2 workers over `--serial`",
    at_least = 1.95,
    value = function(l) return l:ratio("^nqueens", "prunner --serial", "prunner -n 2") end },
  { text = "n-queens: time of `--serial` over plain `luajit`",
    at_most = 1.03,
    value = function(l) return l:ratio("^nqueens", "prunner --serial", "plain luajit") end },
  { text = "2,000 GETs of 20 ms, W = 10: time over the ideal",
    at_most = 1.10, value = function(l) return l:over_ideal("^io_.*_w10$") end },
  { text = "2,000 GETs of 20 ms, W = 100: time over the ideal",
    at_most = 1.10, value = function(l) return l:over_ideal("^io_.*_w100$") end },
  { text = "10,000 GETs answered after 1 s, `-n 2 -c 5000`: time over 1 s, by that of Go with a goroutine "
      .. "a request",
    at_most = 0.5, value = function(l) return l:excess("^waiting_get_.*_1s$") end },
  { text = "2,000 GETs of 20 ms, `-n 2 -c 50`: time by that of Go that closes its connections",
    at_most = 1.0,
    value = function(l)
      local item = l:item("^waiting_get_.*_20ms$")
      return item and l:ratio(item.name, item.programs[1].label, item.programs[2].label)
    end },
  { text = "Bytes of a GET that waits, 10,000 of them in 2 workers: PSS of all processes by tasks",
    at_most = 16384, value = function(l) return l:only("^waiting_memory_") end },
  { text = "The longest step of Lua's collector beside 5,000 GETs that wait: us of CPU",
    at_most = 2000, value = function(l) return l:only("^waiting_collector_") end },
  { text = "`prunner.sleep(0)`, two tasks in turn: ns of CPU",
    at_most = 300, value = function(l) return l:only("^waiting_switch") end },
  { text = "100,000 tasks that sleep 0.1 to 1 s, `-n 2 -c 50000`: us of CPU for each",
    at_most = 10, value = function(l) return l:only("^waiting_sleepers") end },
  { text = "Waking an idle worker: time over a futex round trip",
    at_most = 2.0,
    value = function(l) return l:ratio("^wake_", "prunner", "futex round trip, after the same rest") end },
  { text = "Building strings: time in a task over time in `begin`",
    at_most = 1.05, value = function(l) return l:ratio("^strings", "in a task", "in begin") end },
  { text = "Bytes of a queued task with two small arguments, the most of both sizes",
    at_most = 80,
    value = function(l)
      local first, second = l:queued("bytes_per_task")
      return first and math.max(first, second)
    end },
  { text = "Time of a task with 10 million queued over 1 million queued",
    at_most = 1.2,
    value = function(l)
      local first, second = l:queued("ns_per_task")
      return first and second / first
    end },
  { text = "Table argument, one worker: ns more than `string.buffer` encode + decode",
    at_most = 300,
    value = function(l) return l:difference("^args_chain", "table", "string.buffer alone: table") end },
  { text = "the same from one worker to the other",
    at_most = 300,
    value = function(l) return l:difference("^args_spread", "table", "string.buffer alone: table") end },
  { text = "1 KB string argument, one worker: ns more than a number",
    at_most = 150, value = function(l) return l:difference("^args_chain", "string", "number") end },
  { text = "the same from one worker to the other",
    at_most = 150, value = function(l) return l:difference("^args_spread", "string", "number") end },
  { text = "dict:incr on one key by 2 workers: operations/s",
    at_least = 5e6, value = function(l) return l:median("^shared_incr_n", "2 workers") end },
  { text = "Reads of one key: each of 2 workers over one alone",
    at_least = 0.9,
    value = function(l)
      local ratio = l:ratio("^shared_get_", "2 workers", "1 worker")
      return ratio and ratio / 2
    end },
  { text = "Counters, 2 workers: operations/s",
    at_least = 20e6, value = function(l) return l:median("^shared_counter_", "2 workers") end },
}

--- @param results list of items with their values, as bench/run.lua makes it
function goals.judge(results)
  local lookup = setmetatable({ results = results }, Lookup)
  local list = {}
  for _, goal in ipairs(GOALS) do
    local value = goal.value(lookup) or nil
    list[#list + 1] = {
      text = goal.text,
      wanted = goal.at_least and "at least " .. report.number(goal.at_least)
        or "at most " .. report.number(goal.at_most),
      value = value,
      reached = value and (goal.at_least and value >= goal.at_least or goal.at_most and value <= goal.at_most)
        or false,
    }
  end
  return list
end

return goals
