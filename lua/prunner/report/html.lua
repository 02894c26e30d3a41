--- A report as one page of HTML that needs nothing else.
setfenv(1, require "prunner.globals")

local chart = require "prunner.report.chart"
local format = require "prunner.report.format"
local style = require "prunner.report.style"

local escape, count, seconds = format.escape, format.count, format.seconds

local M = {}

local HISTOGRAMS = 8 -- functions with a picture of how long they took

-- The functions that took most time have colours of their own.
local function colours(data)
  local by_number = {}
  for i, f in ipairs(data.functions) do
    if i <= chart.COLOURS then by_number[f.number] = i end
  end
  return function(number) return by_number[number] or 0 end
end

---------------------------------------------------------------------------------------------------
-- Above everything
---------------------------------------------------------------------------------------------------

-- What did not go well: "2 tasks failed, 1 task is left", or "".
local function problems(data)
  local parts = {}
  if data.failed > 0 then parts[#parts + 1] = format.plural(data.failed, "task failed", "tasks failed") end
  if data.quarantined > 0 then
    parts[#parts + 1] = format.plural(data.quarantined, "task was quarantined", "tasks were quarantined")
  end
  if data.pending > 0 then
    parts[#parts + 1] = format.plural(data.pending, "task is left", "tasks are left")
  end
  return table.concat(parts, ", ")
end

local HOW = {
  done = "All done", failed = "Ended with failures", interrupted = "Interrupted",
  late = "Ended by --deadline", halted = "Ended early by --halt", broken = "prunner could not continue",
}

local function head(data)
  local detail = problems(data)
  local good = data.how == "done" or data.how == "halted" and data.status == 0
  return string.format([[
<header>
<h1>%s</h1>
<p><span class="state %s">%s</span>%s <span class="soft">(exit status %d)</span><br>
<span class="soft">started %s, with %s</span></p>
</header>
]], escape(data.script ~= "" and data.script or "A job"), good and "good" or "bad", HOW[data.how],
    detail ~= "" and ": " .. detail or "", data.status, escape(os.date("%Y-%m-%d %H:%M:%S", data.start)),
    format.plural(data.workers, "worker", "workers"))
end

local function figures(data)
  local cpu = data.user_seconds + data.system_seconds
  local list = {
    { "Tasks done", count(data.finished - data.failed - data.quarantined) .. " of " .. count(data.posted) },
    { "Time", seconds(data.seconds) },
    { "Tasks per second", data.seconds > 0 and count(data.finished / data.seconds) or "0" },
    { "Workers busy", format.percent(data.efficiency) },
    { "CPU time", seconds(cpu) },
    { "Failed", count(data.failed), data.failed > 0 },
    { "Quarantined", count(data.quarantined), data.quarantined > 0 },
    { "Retried", count(data.retried) },
    { "Largest worker", format.bytes(data.largest_worker_bytes) },
  }
  local out = {}
  for i, item in ipairs(list) do
    local class = item[3] and ' class="bad"' or ""
    out[i] = string.format("<div><dt>%s</dt><dd%s>%s</dd></div>", item[1], class, item[2])
  end
  return '<dl class="figures">\n' .. table.concat(out, "\n") .. "\n</dl>\n"
end

---------------------------------------------------------------------------------------------------
-- Over time
---------------------------------------------------------------------------------------------------

local function legend(items)
  local out = {}
  for i, item in ipairs(items) do
    out[i] = string.format('<li><i style="background:var(--c%d)"></i>%s</li>', item[1], escape(item[2]))
  end
  return '<ul class="key">\n' .. table.concat(out, "\n") .. "\n</ul>\n"
end

local function functions_legend(data)
  local items = {}
  for i, f in ipairs(data.functions) do
    if i <= chart.COLOURS then items[i] = { i, f.name } end
  end
  if #data.functions > chart.COLOURS then items[#items + 1] = { 0, "all other functions" } end
  return legend(items)
end

local function others_done(data, sample)
  local n = 0
  for i = chart.COLOURS + 1, #data.functions do n = n + (sample.finished[data.functions[i].number] or 0) end
  return n
end

local function progress(data, has_timeline)
  if not has_timeline then return "" end
  local lines = { { colour = 0, area = true, values = {} } }
  for i = 1, math.min(#data.functions, chart.COLOURS) do
    lines[i + 1] = { colour = i, values = { { 0, 0 } } }
  end
  local others = #data.functions > chart.COLOURS and { colour = 0, values = { { 0, 0 } } } or nil
  for _, sample in ipairs(data.samples) do
    table.insert(lines[1].values, { sample.at, sample.waiting })
    for i = 2, #lines do
      table.insert(lines[i].values, { sample.at, sample.finished[data.functions[i - 1].number] or 0 })
    end
    if others then table.insert(others.values, { sample.at, others_done(data, sample) }) end
  end
  lines[#lines + 1] = others
  return string.format([[
<section>
<h2>Progress</h2>
<p class="soft">Tasks done, by function (lines), and tasks that wait (grey area).</p>
%s%s</section>
]], chart.lines("Tasks done and waiting, over time", data.seconds, lines), functions_legend(data))
end

local function workers(data, has_timeline, colour_of)
  if not has_timeline then return "" end
  local rows = data.row_workers > 1
    and string.format("Each row is %d workers. ", data.row_workers) or ""
  local deaths = #data.deaths > 0 and " ✕ is the death of a worker." or ""
  return string.format([[
<section>
<h2>Workers</h2>
<p class="soft">%sWhat they ran: the paler, the less of their time; no colour: no task.%s</p>
%s%s</section>
]], rows, deaths, chart.workers("What each worker did, over time", data, colour_of),
    functions_legend(data))
end

---------------------------------------------------------------------------------------------------
-- Tables
---------------------------------------------------------------------------------------------------

-- Columns whose names begin with < are texts; the first one heads its row.
local function table_of(caption, columns, rows)
  local out = { string.format('<div class="scroll"><table>\n<caption>%s</caption>\n<thead><tr>', caption) }
  local left = {}
  for i, column in ipairs(columns) do
    local name, n = string.gsub(column, "^<", "")
    left[i] = n == 1 and ' class="left"' or ""
    out[#out + 1] = string.format('<th scope="col"%s>%s</th>', left[i], name)
  end
  out[#out + 1] = "</tr></thead>\n<tbody>\n"
  for _, row in ipairs(rows) do
    out[#out + 1] = "<tr>"
    for i, cell in ipairs(row) do
      out[#out + 1] = i == 1 and string.format('<th scope="row"%s>%s</th>', left[i], cell)
        or string.format("<td%s>%s</td>", left[i], cell)
    end
    out[#out + 1] = "</tr>\n"
  end
  out[#out + 1] = "</tbody>\n</table></div>\n"
  return table.concat(out)
end

local function functions(data)
  local rows, waited = {}, false
  for _, f in ipairs(data.functions) do waited = waited or f.waited > 0 end
  for i, f in ipairs(data.functions) do
    local share = data.busy_seconds > 0 and f.busy / data.busy_seconds or 0
    rows[i] = {
      string.format("%s <span class=\"soft\">%s</span>", escape(f.name), escape(f.where)),
      count(f.finished), count(f.posted), count(f.failed + f.quarantined), count(f.retried),
      seconds(f.p50), seconds(f.p95), seconds(f.longest), seconds(f.busy),
      string.format('<span class="bar"><i style="width:%.1f%%"></i></span> %s', share * 100,
        format.percent(share)),
    }
    if waited then table.insert(rows[i], 10, seconds(f.waited)) end
  end
  local columns = { "<Function", "Done", "Posted", "Failed", "Retried", "Median", "95 %", "Longest", "In all",
    "Share of time" }
  if waited then table.insert(columns, 10, "Waited") end
  return "<section>\n<h2>Functions</h2>\n" .. table_of(
    "Half of the runs took no longer than the median, 19 of 20 no longer than “95 %”.",
    columns, rows) .. "</section>\n"
end

local function histograms(data)
  local out, n = {}, 0
  for i, f in ipairs(data.functions) do
    local picture = n < HISTOGRAMS and chart.histogram("How long " .. f.name .. " took", f.times,
      i <= chart.COLOURS and i or 0) or ""
    if picture ~= "" then
      n = n + 1
      out[n] = string.format("<figure>\n<figcaption>%s</figcaption>\n%s</figure>\n", escape(f.name), picture)
    end
  end
  if n == 0 then return "" end
  local more = #data.functions > n and string.format(
    " Those of the %d functions that took most time.", n) or ""
  return string.format('<section>\n<h2>How long tasks took</h2>\n'
    .. '<p class="soft">A bar for each doubling of the time.%s</p>\n'
    .. '<div class="pair">\n%s</div>\n</section>\n', more, table.concat(out))
end

local function task_text(t)
  return string.format("<code>%s(%s)</code>", escape(t.name), escape(t.arguments))
end

local function slowest(data)
  if #data.slowest == 0 then return "" end
  local rows = {}
  for i, t in ipairs(data.slowest) do
    local number = string.format("#%.0f", t.id)
    rows[i] = { task_text(t), seconds(t.seconds), seconds(t.from), t.worker, number, t.outcome }
  end
  return "<section>\n<h2>Slowest tasks</h2>\n" .. table_of("Of those that were timed.",
    { "<Task", "Took", "Began after", "Worker", "Number", "Outcome" }, rows) .. "</section>\n"
end

---------------------------------------------------------------------------------------------------
-- Failures
---------------------------------------------------------------------------------------------------

local function failure(f)
  local t = f.task
  local times = f.count == 1 and "once, after " .. seconds(f.first)
    or string.format("%s times, from %s to %s", count(f.count), seconds(f.first), seconds(f.last))
  local again = f.retried > 0 and string.format("; %s of the runs came again", count(f.retried)) or ""
  return string.format([[
<article class="failure">
<p><strong>%s</strong></p>
<p class="soft">%s%s</p>
<p>%s, posted by %s, #%.0f, run %d, worker %d</p>
%s</article>
]], escape(t.error ~= "" and t.error or t.outcome), times, again, task_text(t), escape(t.poster), t.id,
    t.attempt, t.worker, f.text and string.format("<pre>%s</pre>\n", escape(f.text)) or "")
end

local function failures(data)
  if #data.failures == 0 then return "" end
  local out = {}
  for i, f in ipairs(data.failures) do out[i] = failure(f) end
  local more = data.more_kinds_of_failures > 0
    and string.format('<p class="soft">%s of further kinds.</p>\n', count(data.more_kinds_of_failures)) or ""
  return '<section>\n<h2>Failures</h2>\n<p class="soft">Those that say the same, but for numbers and quoted '
    .. "texts, are one, shown by the first of them.</p>\n" .. table.concat(out) .. more .. "</section>\n"
end

---------------------------------------------------------------------------------------------------
-- The page
---------------------------------------------------------------------------------------------------

--- The page.
-- @tparam table data as lua/prunner/report/init.lua describes it
-- @treturn string
function M.page(data)
  local has_timeline = #data.samples > 0 and data.seconds > 0 and #data.functions > 0
  local title = data.script ~= "" and data.script or "A job"
  return table.concat {
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="generator" content="prunner ', escape(data.version), '">\n',
    "<title>", escape(title), " – prunner</title>\n<style>\n", style, "</style>\n</head>\n<body>\n",
    head(data),
    "<main>\n",
    figures(data),
    progress(data, has_timeline),
    workers(data, has_timeline, colours(data)),
    failures(data),
    #data.functions > 0 and functions(data) or "<h2>No task was posted</h2>\n",
    histograms(data),
    slowest(data),
    '</main>\n<footer>\n<p class="soft">prunner ', escape(data.version),
    ". Of many short tasks some are timed, and stand for the others.</p>\n",
    "</footer>\n</body>\n</html>\n",
  }
end

return M
