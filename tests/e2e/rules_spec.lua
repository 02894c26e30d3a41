--- docs/internals/crash-safety.md names the tests that enforce its rules: each of them exists, and
-- none of the stepper's scenarios and of the seeded bugs is left out. And what of the rules can be
-- seen in the sources without running them.

local helper = require "tests.e2e.helper"
local mutate = require "tests.crash.mutate"

local PAGE = "docs/internals/crash-safety.md"

local function text_of(path)
  return assert(helper.read(helper.root .. "/" .. path), path .. " cannot be read")
end

--- All files that match a shell pattern, one behind the other; and their paths.
local function texts_of(pattern)
  local pipe = assert(io.popen("cd " .. helper.quote(helper.root) .. " && ls " .. pattern))
  local texts, paths = {}, {}
  for path in pipe:lines() do
    paths[#paths + 1] = path
    texts[#texts + 1] = text_of(path)
  end
  pipe:close()
  assert(#paths > 0, pattern .. ": there is no such file")
  return "\n" .. table.concat(texts, "\n"), paths
end

local function set_of(text, pattern)
  local set, n = {}, 0
  for name in text:gmatch(pattern) do
    if not set[name] then n = n + 1 end
    set[name] = true
  end
  return set, n
end

--- The cells below a heading of the page's table of operations.
local function column(heading)
  local head, rows = text_of(PAGE):match("\n(| operation |[^\n]*)\n[^\n]*\n(.-)\n\n")
  assert(head, PAGE .. ": no table of operations")
  local number, at = 0, nil
  for title in head:gmatch("| ([^|]-) %f[|]") do
    number = number + 1
    if title == heading then at = number end
  end
  assert(at, PAGE .. ": no column " .. heading)
  local cells = {}
  for row in rows:gmatch("[^\n]+") do
    local i = 0
    for cell in row:gmatch("|([^|]*)%f[|]") do
      i = i + 1
      if i == at then cells[#cells + 1] = cell end
    end
  end
  return table.concat(cells, "\n")
end

--- Fails with the names that are in one set and not in the other.
local function all_in(names, others, what)
  local missing = {}
  for name in pairs(names) do
    if not others[name] then missing[#missing + 1] = name end
  end
  table.sort(missing)
  assert(#missing == 0, what .. ": " .. table.concat(missing, " "))
end

local _, mutants = texts_of "tests/crash/mutants/*"
local seeded = set_of(table.concat(mutants, "\n"), "mutants/([%u_]+)")
local models = texts_of "tests/crash/*.pml"
local in_models = set_of(models:gsub("PRN_BUG_NAME", ""), "PRN_BUG_([%u_]+)")
local engine = texts_of "engine/*/*.[ch]"
local crash_tests = texts_of "tests/crash/*.[ch]"

--- Is it defined or declared? (What comments call name() is not.)
local function is_there(name)
  return engine:find("\n" .. name .. "(", 1, true) or engine:find("[ *]" .. name .. "%([^)]")
end

describe("docs/internals/crash-safety.md", function()
  it("names every scenario of the stepper, and none that does not exist", function()
    local scenarios, n = set_of(texts_of "tests/crash/step_ops*.c", '{%.name = "([%w-]+)"')
    local named = set_of(column "stepper", "`([^`]+)`")
    assert.is_true(n > 40)
    all_in(scenarios, named, PAGE .. " does not mention scenarios of the stepper")
    all_in(named, scenarios, "the stepper has no scenario")
  end)

  it("names parts of the simulator and models that exist", function()
    for name in column("simulator"):gmatch("`([^`]+)`") do
      assert(crash_tests:find("%f[%w_]" .. name:gsub("%(%)", "%%(") .. "%f[^%w_]"),
        "the simulator has no " .. name)
    end
    for name in column("Spin"):gmatch("`([^`]+)`") do
      assert(helper.read(helper.root .. "/tests/crash/" .. name), "there is no model " .. name)
    end
  end)

  it("names every seeded bug, and none that does not exist", function()
    local named, n = set_of(text_of(PAGE), "`(%u[%u_]+)`")
    assert.is_true(n > 30)
    all_in(seeded, named, PAGE .. " does not mention seeded bugs")
    local known = {}
    for name in pairs(seeded) do known[name] = true end
    for name in pairs(in_models) do known[name] = true end
    all_in(named, known, "neither in tests/crash/mutants nor in a model")
  end)

  it("names functions and unit tests that exist", function()
    local units = texts_of "tests/unit/*/*.c"
    for name in text_of(PAGE):gmatch("`([%l][%w_]*)%(%)`") do
      assert(is_there(name) or crash_tests:find("\n" .. name .. "(", 1, true),
        "there is no function " .. name .. "()")
    end
    for name in text_of(PAGE):gmatch("`(test_[%w_]+)`") do
      assert(units:find("\n" .. name .. "(", 1, true), "there is no unit test " .. name)
    end
  end)
end)

describe("a seeded bug", function()
  it("fits the sources: the lines that it replaces are there, and only once", function()
    for name in pairs(seeded) do
      local mutant, changed = mutate.make(helper.root, name)
      assert(mutant, changed)
      for path, text in pairs(changed) do
        assert.are_not.equal(text_of(path), text, name .. " changes nothing in " .. path)
      end
      if mutant.tool == "spin" then
        local model = text_of("tests/crash/" .. mutant.word .. ".pml")
        assert(model:find("PRN_BUG_" .. name .. "%f[^%u_]"), name .. " asks a model that does not know it")
      end
    end
  end)

  it("is refused if they are not there, or twice, or stay as they are", function()
    local function problem(lines)
      local mutant = assert(mutate.parse("bug: none\nask: sim\n\nfile: engine/task/idle.c\n" .. lines))
      return select(2, mutate.apply(mutant, helper.root)) or "none"
    end
    assert.matches("is not there", problem "-    no_such_line();\n")
    assert.matches("is not there", problem "-dle_wake(struct self *self, uint32_t n)\n")
    assert.matches("is there more than once", problem "-    return true;\n")
    assert.matches("changes nothing", problem " idle_wake(struct self *self, uint32_t n)\n")
    assert.matches("changes nothing", problem "+int added;\n")
    assert.are.equal("none", problem "-idle_wake(struct self *self, uint32_t n)\n")
  end)

  it("has left no switch in the engine", function()
    assert.is_nil((engine .. crash_tests):match "PRN_BUG_[%u_]+")
  end)
end)

--- The modules that live in shared memory, as "store/lock": those of the simulator.
local function shared_modules()
  local _, paths = texts_of "engine/memory/*.c engine/store/*.c engine/task/*.c engine/base/tmpfile.c"
  local modules = {}
  for _, path in ipairs(paths) do
    modules[#modules + 1] = path:match "^engine/(.*)%.c$"
  end
  return modules
end

--- What a shared module may call that is none itself; for all of them under "".
local MAY_CALL = {
  [""] = "memcpy memmove memset memcmp bcmp _GLOBAL_OFFSET_TABLE_ __stack_chk_fail",
  ["memory/self"] = "calloc realloc free",        -- a process's private half: whom it steals from
  ["memory/arena"] =
    "__errno_location close fallocate fcntl ftruncate getrlimit madvise memfd_create mmap munmap",
  ["memory/chunk"] = "abort fprintf stderr",       -- ENSURE(): damage
  ["store/dict"] = "reallocarray",                     -- a reader's copy, before any lock
  ["task/section"] = "calloc free qsort reallocarray", -- private; before its transaction begins
  ["task/write_set"] = "calloc free reallocarray",
  ["task/replay"] = "free reallocarray",
  ["task/gate"] = "clock_gettime",
  ["task/idle"] = "syscall",                     -- futex, a signal
  ["task/suspend"] = "free reallocarray",        -- private; before anything is taken back
  ["store/error_text"] = "strerror",             -- when all locks are given back
  ["store/lock"] = "syscall clock_gettime parent_death_renew", -- which ends it as a kill would
  ["task/post"] = "clock_gettime",
  ["base/tmpfile"] = "__errno_location mkostemp open snprintf unlink", -- before there are workers
  ["memory/slab"] = "reallocarray free",             -- which items are free: without it they are looked for
}

local function symbols(dir, module, options)
  local result = helper.run({ "nm", options, dir .. "/" .. module .. ".o" })
  helper.expect(result, 0)
  return set_of(result.out, "%f[%w]%a ([%w_]+)\n")
end

describe("the modules that live in shared memory", function()
  after_each(helper.cleanup)

  it("call each other, and nothing that can fail or jump out of a lock", function()
    local dir = helper.directory(helper.command) .. "/obj/engine"
    if not helper.read(dir .. "/task/task.o") then
      return pending "the objects are not where the command is"
    end
    local modules, known = shared_modules(), {}
    assert.is_true(#modules > 15)
    for _, module in ipairs(modules) do
      for name in pairs(symbols(dir, module, "--defined-only")) do known[name] = true end
    end
    for _, module in ipairs(modules) do
      local may = set_of(MAY_CALL[""] .. " " .. (MAY_CALL[module] or ""), "%S+")
      local calls = {}
      for name in pairs(symbols(dir, module, "-u")) do
        if not known[name] then calls[name] = true end
      end
      all_in(calls, may, "engine/" .. module .. ".c calls what a shared module must not call")
    end
  end)
end)

--- How often a function is called in a source. (Where it is defined, its name begins a line.)
local function calls(path, name)
  local code = text_of(path):gsub("/%*.-%*/", "")
  return path:find "%.c$" and select(2, code:gsub("[^\n]%f[%w_]" .. name .. "%(", "")) or 0
end

describe("the engine", function()
  local _, paths = texts_of "engine/*/*.[ch]"

  it("has no counter that several processes increment", function()
    for _, path in ipairs(paths) do
      -- But for a build that shows what one would cost.
      local text = text_of(path):gsub("#ifdef PRN_BENCH_SHARED_COUNTER.-#endif", "")
      if path == "engine/base/atomics.h" then
        -- Its fence for ThreadSanitizer adds nothing but to a word that nobody reads.
        text = text:gsub("fetch_add%(&tsan_fence", "")
        -- Nor is there one in what users run: the other kind is built to be measured.
        text = text:gsub("#ifdef PRN_BENCH_SHARED_COUNTER.-#endif", "")
        assert.is_nil(text:find "_add%f[^%w_]" or text:find "_sub%f[^%w_]" or text:find "[bd]_fetch", path)
      else
        text = text:gsub("__atomic_load%(", ""):gsub("__atomic_store%(", "")
        assert.is_nil(text:find("__atomic_", 1, true), path .. ": atomics.h has what there is")
        assert.is_nil(text:find("__sync_", 1, true), path .. ": atomics.h has what there is")
      end
      assert.is_nil(text:find("head%->[%w_%[%]]+%s*%+[+=]"), path .. ": a counter in the arena's head")
    end
  end)

  it("recovers a slot only after waitpid, or when nobody has the state file any more", function()
    local callers = {}
    for _, path in ipairs(paths) do
      for _ = 1, calls(path, "recover") do callers[#callers + 1] = path end
    end
    assert.are.same({ "engine/supervisor/death.c", "engine/task/recover.c" }, callers)

    local death = text_of "engine/supervisor/death.c"
    assert.are.equal(1, calls("engine/supervisor/death.c", "child_ended"))
    local awaited = "waitpid(c->pid, &status, WNOHANG) == c->pid)\n            child_ended(k, status);"
    assert(death:find(awaited, 1, true), "child_ended() without waitpid()")
    -- It alone makes a child UNRECOVERED, and no other child's slot is recovered.
    local made = select(2, engine:gsub("child_become%([^\n]*, CHILD_UNRECOVERED%)", ""))
    local body = death:match "\nchild_ended%b()\n(%b{})"
    assert.are.equal(1, made)
    assert(body:find("child_become(c, CHILD_UNRECOVERED)", 1, true))
    assert(death:find("ENSURE(child_at(k)->state == CHILD_UNRECOVERED);", 1, true))
  end)

  it("changes the state of a child in one place only", function()
    for _, path in ipairs(paths) do
      if path:find "/supervisor/" and path ~= "engine/supervisor/child.c" then
        assert.is_nil(text_of(path):find "state = ", path .. ": see child_become()")
      end
    end
    assert.are.equal(1, select(2, text_of("engine/supervisor/child.c"):gsub("%->state = ", "")))
  end)

  it("names the partner of each fence", function()
    local n = 0
    for _, path in ipairs(paths) do
      local above = {}
      for line in (text_of(path) .. "\n"):gmatch("(.-)\n") do
        if line:find "^%s+atom_fence[%l_]*%(%);" then
          n = n + 1
          assert(table.concat(above, "\n"):find "[Pp]airs with", path .. ": no partner of" .. line)
        end
        above[#above + 1] = line
        if #above > 8 then table.remove(above, 1) end
      end
    end
    assert.is_true(n >= 5)
  end)

  it("names no partner that is not there", function()
    local n = 0
    for _, path in ipairs(paths) do
      for comment in text_of(path):gmatch("/%*.-%*/") do
        local partners = comment:gsub("\n%s*%*?", " "):match("[Pp]airs with(.*)") or ""
        for name in partners:gmatch("%f[%w_](%l[%w_]*)%(%)") do
          n = n + 1
          assert(is_there(name), ("%s: it says that it pairs with %s()"):format(path, name))
        end
      end
    end
    assert.is_true(n > 10)
  end)
end)

describe("files", function()
  it("have at most 500 lines, or say why they have more", function()
    local n = 0
    for _, path in ipairs(helper.lines_of("cd " .. helper.root
      .. " && find engine lua tests scripts bench -name '*.[ch]' -o -name '*.lua'")) do
      local text = helper.read(helper.root .. "/" .. path)
      local lines = select(2, text:gsub("\n", ""))
      assert(lines <= 500 or text:sub(1, 1000):find("Longer than 500 lines: ", 1, true),
        ("%s: %d lines"):format(path, lines))
      n = n + 1
    end
    assert.is_true(n > 300, n)
  end)
end)

describe("tests", function()
  -- A busy machine makes everything late. What may be asserted: how often something happened, that
  -- something lasted at least as long as was slept, and how two durations of one run compare.
  it("do not assert that something was quick", function()
    local paths = helper.lines_of("find " .. helper.root .. "/tests/e2e " .. helper.root
      .. "/tests/spec -name '*_spec.lua'")
    assert.is_true(#paths > 30)
    for _, path in ipairs(paths) do
      local number = 0
      for line in (helper.read(path) .. "\n"):gmatch "(.-)\n" do
        number = number + 1
        local limit = line:match "[._]seconds%s*<=?%s*[%d.]+%f[^%d.]%s*[%),%l]"
          or line:match "now%(%) %- %w+%s*<" or line:match "gettime%(%) %- %w+%s*<"
          or line:match "os%.clock%(%) %- %w+%s*<"
        assert.is_nil(limit, ("%s:%d: %s"):format(path, number, line))
      end
    end
  end)
end)
