--- Results as text: a table for the terminal, a page of Markdown.

local statistics = require "statistics"

local report = {}

--- A number with two or three digits that count, and commas between the thousands.
function report.number(x)
  if not x then return "-" end
  local size = math.abs(x)
  local decimals = (size >= 100 or x % 1 == 0) and 0 or size >= 10 and 1 or size >= 0.1 and 2 or 4
  local sign, digits, rest = ("%." .. decimals .. "f"):format(x):match("^(-?)(%d+)(.*)$")
  digits = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. digits .. rest
end

local number = report.number

local function spread(s)
  return ("%s .. %s"):format(number(s.min), number(s.max))
end

--- How many times as fast as `program` the first program of its item is, round by round: a
-- summary, or nil.
function report.speedup(item, program)
  local first = item.programs[1]
  if program == first or not first.values or not program.values then return nil end
  if (program.metric or item.metric) ~= item.metric then return nil end -- another thing altogether
  return statistics.summary(statistics.pairwise(first.values, program.values, function(a, b)
    if item.better == "more" then return a / b end
    return b / a
  end))
end

--- The rows of an item's table: label, median, spread, ratio, its spread.
local function rows(item)
  local list = {}
  for _, program in ipairs(item.programs) do
    if program.values then
      local summary = statistics.summary(program.values)
      local speedup = report.speedup(item, program)
      list[#list + 1] = { program.label, number(summary.median), spread(summary),
        speedup and ("%.2f"):format(speedup.median) or "",
        speedup and ("%.2f .. %.2f"):format(speedup.min, speedup.max) or "" }
    else
      list[#list + 1] = { program.label, "skipped: " .. program.skipped, "", "", "" }
    end
  end
  return list
end

local function heads(item)
  return { item.programs[1].label:match("^prunner") and "program" or "",
    item.unit, "min .. max", "ratio", "min .. max" }
end

--- An item for the terminal.
function report.text(item)
  local all = { heads(item), unpack(rows(item)) }
  local widths = { 0, 0, 0, 0, 0 }
  for _, row in ipairs(all) do
    local skipped = row[2]:match("^skipped")
    for i, cell in ipairs(row) do
      if not (skipped and i == 2) then widths[i] = math.max(widths[i], #cell) end
    end
  end
  local lines = { ("%s: %s"):format(item.name, item.title) }
  for _, row in ipairs(all) do
    local line = ("  %-" .. widths[1] .. "s"):format(row[1])
    for i = 2, 5 do line = line .. ("  %" .. widths[i] .. "s"):format(row[i]) end
    lines[#lines + 1] = line:gsub("%s+$", "")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function markdown_table(head, body)
  local lines = { "| " .. table.concat(head, " | ") .. " |", "|" .. ("---|"):rep(#head) }
  for _, row in ipairs(body) do
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
  end
  return table.concat(lines, "\n") .. "\n"
end

local function goal_rows(goals)
  local list = {}
  for _, goal in ipairs(goals) do
    list[#list + 1] = { goal.text, goal.wanted, goal.value and number(goal.value) or "not measured",
      goal.reached and "yes" or "no" }
  end
  return list
end

--- The goals for the terminal.
function report.goals_text(goals)
  local lines = {}
  for _, goal in ipairs(goals) do
    if goal.value then
      lines[#lines + 1] = ("  %-3s  %11s  %-21s %s"):format(goal.reached and "yes" or "NO",
        number(goal.value), "(" .. goal.wanted .. ")", goal.text)
    end
  end
  return #lines > 0 and "goals: reached, value, wanted\n" .. table.concat(lines, "\n") .. "\n" or ""
end

--- The page for docs/: goals and pictures.
-- @tparam table results what is in results.json
-- @tparam table pictures names of files beside the page, each with what it shows: `{ file, title }`
-- @tparam string tables where the rest is, as seen from the page
function report.page(results, pictures, tables)
  local parts = {}
  local function say(...) parts[#parts + 1] = (...):format(select(2, ...)) end

  say("# Benchmarks\n\n")
  say("Made by `%s` on %s; change `bench/`, not this page.\n\n", results.command, results.date)
  say("Machine: %s. Load when it began: %s.\n\n", results.machine, results.load)
  for _, version in ipairs(results.versions) do say("- %s\n", version) end
  say([[

The programs take turns (A B C, A B C ...), each time as a new process. A rate is tasks divided by the time
of the whole process. Figures are medians of all rounds. Peers do the same work, but only Erlang, Python,
Perl and the Go pool with encoded arguments (`pool-enc`) copy or encode what tasks carry, and none survives a
worker's death without loss. Much slower programs get less work of the same kind; their row says so.

All tables are in [%s](%s). `make bench` measures on your machine, into `build/bench/`;
`make bench ONLY=sum,wake` measures a part; `make bench-deps` installs the peers.

## Goals

]], tables, tables)
  parts[#parts + 1] = markdown_table({ "what", "wanted", "measured", "reached" }, goal_rows(results.goals))
  for _, picture in ipairs(pictures) do
    say("\n## %s\n\n![%s](%s)\n", picture.title, picture.title, picture.file)
  end
  return table.concat(parts)
end

--- All tables, for bench/results/.
-- @tparam table results what is in results.json
function report.tables(results)
  local parts = {}
  local function say(...) parts[#parts + 1] = (...):format(select(2, ...)) end

  say("# Results of `%s` on %s\n\n", results.command, results.date)
  say("Medians, and the least and the most of all rounds. **ratio**: how many times as fast as this row the\n"
    .. "first row is, the median of the ratios of each round. docs/benchmarks.md says how it was measured.\n")
  for _, item in ipairs(results.items) do
    say("\n## %s\n\n`%s`, %d rounds\n\n", item.title, item.name, item.rounds)
    parts[#parts + 1] = markdown_table(heads(item), rows(item))
  end
  return table.concat(parts)
end

return report
