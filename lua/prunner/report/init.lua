--- --report FILE: how the job went. Written when the workers are gone, in the supervisor.
--
-- What it says is one table of plain figures, which .json is as it stands and .html shows:
--
--     status, how         exit status; "done", "failed", "interrupted", "late",
--                         "halted", "broken"
--     script, version, start (seconds since 1970)
--     posted, finished, failed, retried, quarantined, pending, runs, workers, seconds
--     user_seconds, system_seconds, largest_worker_bytes, busy_seconds, efficiency
--     functions           by busy time: name, where, posted, finished, failed, retried,
--                         quarantined, timed,
--                         busy, waited, longest, p50, p95, times = {{from, to, count}, ...}
--     samples             at, waiting, busy, finished = {[number of function] = n}, rows = {{busy, fn}}
--     slowest             tasks, the slowest first
--     failures            by kind: count, retried, first, last, task, text (with traceback)
--     deaths              of workers: at, worker, how
--
-- All times are in seconds; moments count from the start of the workers.
setfenv(1, require "prunner.globals")

local foreign = require "prunner.foreign"
local core = require("prunner.native").core
local format = require "prunner.report.format"
local html = require "prunner.report.html"

local M = {}

local SLOWEST = 20

local function how_it_ended(s, status)
  if s.signal or s.reader_gone then return "interrupted" end
  if s.fatal then return "broken" end
  if s.deadline_passed then return "late" end
  if s.halted then return "halted" end
  return status == 0 and "done" or "failed"
end

-- All strings as UTF-8: JSON and HTML have nothing else.
local function clean(value)
  if type(value) == "string" then return format.clean(value) end
  if type(value) == "table" then
    for k, v in pairs(value) do value[k] = clean(v) end
  end
  return value
end

local function first_of(list, n)
  for i = #list, n + 1, -1 do list[i] = nil end
  return list
end

--- The table of figures.
-- @tparam table s what core.run() returned
-- @tparam number status the exit status so far
function M.data(s, status)
  local data = clean(core.report())
  data.version, data.status, data.how = core.version, status, how_it_ended(s, status)
  data.signal = s.signal
  for _, name in ipairs { "posted", "finished", "failed", "retried", "quarantined", "pending" } do
    data[name] = s[name]
  end
  data.busy_seconds = 0
  for _, f in ipairs(data.functions) do
    data.busy_seconds = data.busy_seconds + f.busy
    f.p50, f.p95 = math.min(f.p50, f.longest), math.min(f.p95, f.longest) -- within a class of times
  end
  local available = data.workers * data.seconds
  data.efficiency = available > 0 and math.min(1, data.busy_seconds / available) or 0
  table.sort(data.functions, function(a, b)
    if a.busy ~= b.busy then return a.busy > b.busy end
    return a.number < b.number
  end)
  table.sort(data.slowest, function(a, b) return a.seconds > b.seconds end)
  first_of(data.slowest, SLOWEST)
  table.sort(data.failures, function(a, b) return a.count > b.count end)
  return data
end

local function load_cjson()
  return foreign.load("cjson", "new", "to write .json (Debian: apt-get install lua-cjson)")
end

local function json(data)
  local cjson = load_cjson().new()
  -- The numbers of functions are not a list: some are missing.
  for _, sample in ipairs(data.samples) do
    local finished = {}
    for number, n in pairs(sample.finished) do finished[tostring(number)] = n end
    sample.finished = next(finished) and finished or nil
  end
  -- For cjson a table with nothing in it is an object; all that can be empty here are lists. In a
  -- string the quotes would not stand there without a backslash.
  return (string.gsub(cjson.encode(data), '"(%a+)":{}', '"%1":[]')) .. "\n"
end

--- Can it be written? Before the script runs.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function M.check(path)
  if string.find(path, "%.json$") then
    local cjson, absent = load_cjson()
    if not cjson then return nil, absent end
  end
  local ok, problem = core.replace_file(path)
  if not ok then return nil, string.format("\"%s\": %s", path, problem) end
  return true
end

--- Writes the report: all of it, or nothing.
-- @tparam string path
-- @tparam table s what core.run() returned
-- @tparam number status
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string why not
function M.write(path, s, status)
  local data = M.data(s, status)
  local text = string.find(path, "%.json$") and json(data) or html.page(data)
  local ok, problem = core.replace_file(path, text)
  if not ok then return nil, string.format("\"%s\": %s", path, problem) end
  return true
end

return M
