--- Limits of memory and of descriptors: --lua-memory, the kernel's OOM killer, ulimit -n.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = helper.deadly .. [[
  ffi.cdef "void *malloc(size_t); void *memset(void *, int, size_t); int poll(void *, unsigned long, int);"
  local function eat(mib) for _ = 1, mib do ffi.C.memset(ffi.C.malloc(2^20), 1, 2^20) end end
]]

describe("--lua-memory", function()
  after_each(helper.cleanup)

  local text = [[
    function begin()
      prunner.post_task(hungry)
      for i = 1, 20 do prunner.post_task(modest, i) end
      prunner.post_task(careful)
    end
    function hungry() local t = {} for i = 1, 1e8 do t[i] = { i } end end
    function modest(i)
      for j = 1, 2e4 do local t = { j, tostring(j) } end -- garbage
      prunner.counter "n":add(i)
    end
    function careful()
      local t = {}
      local ok, problem = pcall(function() for i = 1, 1e8 do t[i] = { i } end end)
      t = nil
      collectgarbage()
      prunner.dict.caught = problem
    end
    function end_() print(prunner.counter "n":get(), prunner.dict.caught) end
  ]]

  it("is an error of the task that wants more, which it may catch", function()
    for _, how in ipairs { "-n2", "--serial" } do
      local result = expect(helper.prunner(script(prelude .. text), how, "--lua-memory", "16M"), 1,
        "210\tnot enough memory\n")
      has("task hungry() failed: not enough memory (--lua-memory: the Lua values of a worker may "
        .. "take 16M)\n", result.err)
      has("prunner: 1 task failed, of 22 tasks\n", result.err)
      assert.is_nil(result.err:find("died", 1, true))
    end
  end)

  it("that the script alone exceeds is an error at the start", function()
    local result = expect(helper.prunner(script "function begin() end", "--lua-memory", "100K"), 3, "")
    has("--lua-memory 100K: the script and its data alone take ", result.err)
  end)
end)

describe("a worker that the kernel kills for want of memory", function()
  local group

  -- A memory cgroup of our own below the one we are in, or nil and why not.
  local function make_group()
    local own = (helper.read "/proc/self/cgroup" or ""):match "%d+:memory:([^\n]*)"
    local v1 = own and "/sys/fs/cgroup/memory" .. own
    local v2 = "/sys/fs/cgroup" .. ((helper.read "/proc/self/cgroup" or ""):match "0::([^\n]*)" or "")
    for _, try in ipairs { { v1, "memory.limit_in_bytes" }, { v2, "memory.max" } } do
      local dir = try[1] and ("%s/prunner-e2e-%.0f"):format(try[1], helper.now() * 1e9)
      if dir and os.execute(("mkdir %s 2> /dev/null"):format(helper.quote(dir))) == 0 then
        local file = io.open(dir .. "/" .. try[2], "w")
        local ok = file and file:write(tostring(64 * 2 ^ 20)) and file:close()
        local swap = ok and io.open(dir .. "/memory.swap.max", "w")
        if swap then swap:write "0" swap:close() end
        if ok then return dir end
        os.execute("rmdir " .. helper.quote(dir))
      end
    end
    return nil, "needs root and a memory cgroup"
  end

  setup(function() group = make_group() end)
  teardown(function()
    if group then os.execute("rmdir " .. helper.quote(group)) end
  end)
  after_each(helper.cleanup)

  local function in_group(text, ...)
    return helper.run { "sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', group,
      helper.command, script(prelude .. text), ... }
  end

  it("gives its task another run, alone, a second later", function()
    if not group then return pending "needs root and a memory cgroup" end
    local result = expect(in_group([[
      local small_ones = prunner.counter "small"
      function begin()
        prunner.post_task(hungry)
        for i = 1, 900 do prunner.post_task(small, i) end
      end
      function hungry()
        if prunner.attempt() == 1 then
          prunner.dict.since = small_ones:get()
          eat(200)
        end
        local before = small_ones:get()
        for i = 1, 20 do ffi.C.poll(nil, 0, 10) end
        prunner.dict.beside = small_ones:get() - before
        prunner.dict.between = before
        prunner.dict.run = prunner.attempt()
      end
      function small() ffi.C.poll(nil, 0, 10) small_ones:add(1) end
      function end_()
        local d = prunner.dict
        print(d.run, small_ones:get(), d.beside <= 4, d.between > 100 and d.between < 900)
      end
    ]], "-n", 4), 0, "2\t900\ttrue\ttrue\n")
    assert.has_match("worker %d %(process %d+%) died: SIGKILL %(the kernel was out of memory%); "
      .. "task hungry%(%), crash 1 of 3, will be run again, alone\n", result.err)
  end)

  it("counts the run, and quarantines a task for which all of it is too little", function()
    if not group then return pending "needs root and a memory cgroup" end
    local failures = helper.tmpdir() .. "/failures.jsonl"
    local result = expect(in_group([[
      function begin()
        prunner.post_task(hungry, 1)
        prunner.post_task(hungry, 2)
        for i = 1, 50 do prunner.post_task(small, i) end
      end
      function hungry() eat(200) end
      function small(i) prunner.counter "n":add(i) end
      function end_() print(prunner.counter "n":get()) end
    ]], "-n", 3, "--max-crashes", 2, "--failures", failures), 1, "1275\n")
    has("was quarantined: 2 runs ended with the worker's death, the last one by SIGKILL (the kernel "
      .. "was out of memory)\n", result.err)
    has('"signal":"SIGKILL","error":"the kernel was out of memory"', helper.read(failures))
    has("prunner: 2 tasks were quarantined, of 52 tasks\n", result.err)
  end)

  it("is told from one that somebody else kills", function()
    if not group then return pending "needs root and a memory cgroup" end
    local result = expect(in_group([[
      function begin() prunner.post_task(work) end
      function work() if prunner.attempt() == 1 then die(9) end end
    ]], "-n", 2), 0)
    assert.is_nil(result.err:find("out of memory", 1, true))
    assert.is_nil(result.err:find("alone", 1, true))
  end)
end)

describe("few file descriptors", function()
  after_each(helper.cleanup)

  it("are enough for many workers", function()
    local path = script(helper.summing)
    expect(helper.run { "prlimit", "--nofile=16", helper.command, path, "-n", 300 }, 0, "500500\n")
  end)

  it("are what is named when they are too few", function()
    local path = script [[ local prunner = require "prunner" function begin() end ]]
    local named = 0
    for files = 4, 32 do -- how many the test itself hands down is not known
      local result = helper.run(("ulimit -n %d && exec %s %s"):format(files,
        helper.quote(helper.command), helper.quote(path)))
      assert.is_nil(result.err:find("ulimit -v", 1, true), result.err)
      if result.status == 3 then
        has("prunner: prunner cannot be loaded: Too many open files (is there a limit on them? "
          .. "ulimit -n)\n", result.err)
        named = named + 1
      end
    end
    assert.is_true(named > 0)
  end)

  it("--lua-memory counts no garbage of many megabytes, in one task and in many", function()
    local path = helper.script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      local bytes, d = 2 * 1024 * 1024, prunner.dict
      local function step(s)
        local v = ffi.new("double[?]", bytes / 8)
        if s then ffi.copy(v, s, bytes) end
        v[0] = v[0] + 1
        return ffi.string(v, bytes)
      end
      function add() d.text = step(d.text) end
      function add_many()
        local s
        for _ = 1, 200 do s = step(s) end
        d.many = s
      end
      function begin()
        for _ = 1, 200 do prunner.post_task(add) end
        prunner.post_task(add_many)
      end
      function end_()
        print(ffi.cast("const double *", d.text)[0], ffi.cast("const double *", d.many)[0])
      end
    ]]
    helper.expect(helper.prunner(path, "-n", 1, "--lua-memory", "24M"), 0, "200\t200\n")
  end)

  it("a stack that is too small is told", function()
    local path = helper.script "function begin() end"
    for _, kib in ipairs { 16, 16, 16, 16, 16, 16, 16, 16, 64, 128 } do -- 16: by chance, without this environment
      local result = helper.run(("env -i sh -c 'ulimit -s %d; exec \"$0\" -n 2 \"$1\"' %s %s"):format(kib,
        helper.quote(helper.command), path))
      helper.expect(result, 2, "")
      has("the stack may take " .. kib .. " KiB only, at least 256 are needed (ulimit -s)", result.err)
    end
  end)

  it("a value beyond 256 MiB is told in words", function()
    helper.job([[
      function w()
        local ok, problem
        for _ = 1, 5 do ok, problem = pcall(prunner.dict.append, prunner.dict, "k", ("x"):rep(2 ^ 26)) end
        print(ok, problem)
      end
      function begin() prunner.post_task(w) end
    ]], 0, "false\tdict: append of \"k\": a value may take up to 256 MiB\n", "-n", 1)
  end)
end)
