--- Measures prunner against its peers on the same work.
--
--   luajit bench/run.lua [--only WORDS] [--rounds K] [--quick] [--list] [--write-docs] [--docs-only]
--
--   --only WORDS    items with one of these in their names: sum, wake, _w10; separated by commas
--   --rounds K      instead of 5, or of 15 (what takes milliseconds, n-queens, GETs by 100)
--   --quick         small sizes and two rounds, to try out the harness: the numbers mean nothing
--   --list          say what there is, run nothing
--   --write-docs    also write docs/benchmarks.md, its pictures, and bench/results/; not together
--                   with --only or --quick
--   --docs-only     write these from the last results, run nothing
--
-- Called from the top of the project, as `make bench` does. BUILD (build) is where prunner is built;
-- results.json, table.txt and plot.svg go to $BUILD/bench. Wants an otherwise idle machine. The exit
-- status is 1 if a program gave a wrong answer.
--
-- bench/items.lua says what is measured, bench/peers.lua by which programs, bench/goals.lua what is
-- hoped for.

package.path = "bench/?.lua;" .. package.path

local ffi = require "ffi"
local cjson = require "cjson"
local goals = require "goals"
local items = require "items"
local machine = require "machine"
local peers = require "peers"
local plot = require "plot"
local process = require "process"
local report = require "report"

ffi.cdef "int isatty(int);"
local terminal = ffi.C.isatty(1) == 1

local BUILD = os.getenv("BUILD") or "build"
local OUT = BUILD .. "/bench"
-- What the page shows; everything else is in bench/results/.
local PICTURES = {
  { file = "benchmarks-sum.svg", item = "sum_n2000000_w2", title = "Tasks that do next to nothing" },
  { file = "benchmarks-waiting.svg", item = "io_r2000_20ms_w100", title = "Tasks that wait" },
}

local function die(...)
  io.stderr:write("bench: ", (...):format(select(2, ...)), "\n")
  os.exit(2)
end

local function say(...)
  io.stdout:write((...):format(select(2, ...)))
  io.stdout:flush()
end

local function write(path, text)
  local file, message = io.open(path, "w")
  if not file then die("%s", message) end
  file:write(text)
  file:close()
end

local function read(path)
  local file, message = io.open(path)
  if not file then die("%s", message) end
  local text = file:read("*a")
  file:close()
  return text
end

---------------------------------------------------------------------------------------------------
-- The command line
---------------------------------------------------------------------------------------------------

local FLAGS = { ["--quick"] = "quick", ["--list"] = "list", ["--write-docs"] = "write_docs",
  ["--docs-only"] = "docs_only" }

local function options(words)
  local chosen, i = { only = {} }, 1
  while words[i] do
    if FLAGS[words[i]] then
      chosen[FLAGS[words[i]]] = true
    elseif words[i] == "--rounds" and tonumber(words[i + 1]) then
      i = i + 1
      chosen.rounds = tonumber(words[i])
    elseif words[i] == "--only" and words[i + 1] then
      i = i + 1
      for word in words[i]:gmatch("[^,%s]+") do chosen.only[#chosen.only + 1] = word end
    else
      die("what is %s? The head of bench/run.lua says what there is", words[i])
    end
    i = i + 1
  end
  if chosen.write_docs and (chosen.quick or chosen.rounds or #chosen.only > 0) then
    die("--write-docs wants everything, in full size, all rounds")
  end
  return chosen
end

local function choose(list, words)
  if #words == 0 then return list end
  local chosen = {}
  for _, item in ipairs(list) do
    for _, word in ipairs(words) do
      if item.name:find(word, 1, true) then
        chosen[#chosen + 1] = item
        break
      end
    end
  end
  if #chosen == 0 then die("nothing is called %s: see --list", table.concat(words, ", ")) end
  return chosen
end

---------------------------------------------------------------------------------------------------
-- Running
---------------------------------------------------------------------------------------------------

local function command_of(commands, program, port)
  local words = { unpack(commands[program.program]) }
  for _, word in ipairs(program.args) do
    words[#words + 1] = (tostring(word):gsub("PORT", port or "PORT"))
  end
  return words
end

--- The value of one run.
-- @treturn[1] number
-- @treturn[2] nil
-- @treturn[2] string what went wrong
local function measure(item, program, command, env)
  local result = process.run(command, { env = env })
  if result.problem then return nil, result.problem end
  if program.expect and result.out ~= program.expect then
    return nil, ("wrong answer %s, expected %s"):format(result.out:match("^[^\n]*"):sub(1, 80),
      program.expect:match("^[^\n]*"))
  end
  local metric = program.metric or item.metric
  if metric == "rate" then return program.tasks / result.seconds end
  if metric == "wall" then return result.seconds end
  if metric == "wall_ms" then return result.seconds * 1000 end
  if metric == "cpu_us" then return result.cpu / program.tasks * 1e6 end
  local value = tonumber(result.out:match(metric .. " ([%d.]+)"))
  return value, not value and ("no %s in the answer"):format(metric) or nil
end

local failures = 0

local function fail(item, program, command, problem)
  failures = failures + 1
  program.values, program.skipped = nil, "failed: " .. problem
  say("\nbench: %s, %s: %s\n  %s\n%s", item.name, program.label, problem,
    table.concat(command, " "):sub(1, 300), read(process.stderr):sub(1, 2000))
end

--- Runs the programs of an item in turn; afterwards each has `values`, or `skipped`.
local function run_item(item, commands, missing)
  local port, stop
  if item.server then
    if not commands[item.server[1]] then
      for _, program in ipairs(item.programs) do program.skipped = missing[item.server[1]] end
      return
    end
    local words = { unpack(commands[item.server[1]]) }
    words[#words + 1] = tostring(item.server[2])
    port, stop = process.serve(words)
    if not port then die("%s %s", item.server[1], stop) end
  end

  for _, program in ipairs(item.programs) do
    program.values = commands[program.program] and {}
    program.skipped = not program.values and missing[program.program] or nil
  end
  for round = 1, item.rounds do
    if terminal then say("\r%s: round %d of %d  ", item.name, round, item.rounds) end
    for _, program in ipairs(item.programs) do
      if program.values then
        local command = command_of(commands, program, port)
        local value, problem = measure(item, program, command, commands[program.program].env)
        if value then
          program.values[round] = value
        else
          fail(item, program, command, problem)
        end
      end
    end
  end
  if terminal then say("\r%s\r", (" "):rep(#item.name + 24)) end
  if stop then stop() end
end

--- Builds prunner; what was given to make (CC=clang) is in MAKEFLAGS and holds here too.
local function build()
  say("building prunner and its peers\n")
  local result = process.run({ "make", "--no-print-directory", "BUILD=" .. BUILD, "all" }, { timeout = 600 })
  if result.problem then die("make all %s\n%s", result.problem, read(process.stderr)) end
  local here = process.capture("mkdir -p " .. OUT .. "/peers && cd " .. OUT .. "/peers && pwd")
  return peers.prepare(BUILD, here)
end

---------------------------------------------------------------------------------------------------
-- Results
---------------------------------------------------------------------------------------------------

--- What goes into results.json of an item: no commands, but the summaries.
local function keep(item)
  local programs = {}
  for i, program in ipairs(item.programs) do
    programs[i] = {
      label = program.label, values = program.values, skipped = program.skipped,
      metric = program.metric, ratio = report.speedup(item, program),
    }
  end
  return {
    name = item.name, title = item.title, metric = item.metric, unit = item.unit, better = item.better,
    rounds = item.rounds, ideal = item.ideal, programs = programs,
  }
end

local function run(chosen, opts)
  local start = process.now()
  os.execute("mkdir -p " .. OUT)
  process.stderr = OUT .. "/stderr"
  local results = {
    date = os.date("!%Y-%m-%d %H:%M UTC"), command = "make bench", machine = machine.describe(),
    versions = machine.versions(), load = machine.load(), items = {},
  }
  if opts.quick then results.command = results.command .. " QUICK=1" end
  if opts.rounds then results.command = results.command .. " ROUNDS=" .. opts.rounds end
  if #opts.only > 0 then results.command = results.command .. " ONLY=" .. table.concat(opts.only, ",") end

  local commands, missing = build()
  say("%s; load %s\n\n", results.machine, results.load)
  if opts.quick then say("small sizes: these numbers mean nothing\n\n") end

  local texts = {}
  for i, item in ipairs(chosen) do
    item.rounds = opts.rounds or item.rounds
    run_item(item, commands, missing)
    results.items[i] = keep(item)
    texts[i] = report.text(results.items[i])
    say("%s\n", texts[i])
  end
  results.goals = goals.judge(results.items)
  texts[#texts + 1] = report.goals_text(results.goals)
  say("%s", texts[#texts])

  write(OUT .. "/results.json", cjson.encode(results) .. "\n")
  write(OUT .. "/table.txt", table.concat(texts, "\n"))
  write(OUT .. "/plot.svg", plot.svg(results.items))
  say("it took %.0f s\n", process.now() - start)
  say("results.json, table.txt and plot.svg are in %s\n", OUT)
  return results
end

local function write_docs(results)
  for _, picture in ipairs(PICTURES) do
    for _, item in ipairs(results.items) do
      if item.name == picture.item then write("docs/" .. picture.file, plot.svg { item }) end
    end
  end
  write("docs/benchmarks.md", report.page(results, PICTURES, "../bench/results/tables.md"))
  write("bench/results/tables.md", report.tables(results))
end

local function main(words)
  local opts = options(words)
  local chosen = choose(items.list(opts.quick), opts.only)
  if opts.list then
    for _, item in ipairs(chosen) do say("%-32s %s\n", item.name, item.title) end
    return
  end
  local results = opts.docs_only and cjson.decode(read(OUT .. "/results.json")) or run(chosen, opts)
  if opts.write_docs or opts.docs_only then
    write_docs(results)
    say("docs/benchmarks.md and bench/results/ are written\n")
  end
  if failures > 0 then
    say("%d programs failed\n", failures)
    os.exit(1)
  end
end

main(arg)
