--- Output told by task: --group, --tag, --output-dir. (--keep-order: keep_order_spec.lua.)

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = helper.deadly .. [[
  ffi.cdef "int usleep(unsigned);"
  --- Until others have had time to print in between, or there are none.
  local function meet(n)
    prunner.dict:incr "here"
    for _ = 1, 1000 do
      if prunner.dict.here >= n then return end
      ffi.C.usleep(1000)
    end
  end
]]

local function job(text, ...)
  return helper.prunner(script(prelude .. text), ...)
end

--- All on standard output, errors too, as on a terminal.
local function job_2to1(text, words)
  return helper.run(("%s %s %s 2>&1"):format(helper.quote(helper.command),
    helper.quote(script(prelude .. text)), words))
end
--- Four tasks that print at the same time, by all means there are.
local chatter = [[
  function begin() for i = 1, 4 do prunner.post_task(page, i) end end
  function page(i)
    print(i, "first")
    io.stdout:flush()
    meet(4)
    os.execute("echo " .. i .. " shell")
    io.stderr:write(i, " error\n")
    os.execute("echo " .. i .. " shell error >&2")
    meet(8)
    io.write(i, " last\n")
  end
]]

local function chatter_of(i, errors)
  return ("%d\tfirst\n%d shell\n%d last\n"):format(i, i, i)
    .. (errors and ("%d error\n%d shell error\n"):format(i, i) or "")
end

--- Does the text consist of these pieces, in whatever order?
local function assert_pieces(text, pieces)
  local rest = text
  for _, piece in ipairs(pieces) do
    local from, to = rest:find(piece, 1, true)
    if not from then error("not together: " .. piece .. "in:\n" .. text, 2) end
    rest = rest:sub(1, from - 1) .. rest:sub(to + 1)
  end
  assert.are.equal("", rest)
end

describe("--group", function()
  after_each(helper.cleanup)

  it("shows what a task printed together, with what its programs printed", function()
    local result = expect(job_2to1(chatter, "-n 4 --group"))
    local pieces = {}
    for i = 1, 4 do pieces[i] = chatter_of(i, true) end
    assert_pieces(result.out, pieces)
  end)

  it("keeps standard output and standard error apart", function()
    for _, options in ipairs { { "-n", 4 }, { "--serial" } } do
      local result = expect(job(chatter, "--group", unpack(options)))
      local out, err = {}, {}
      for i = 1, 4 do
        out[i] = chatter_of(i)
        err[i] = ("%d error\n%d shell error\n"):format(i, i)
      end
      assert_pieces(result.out, out)
      assert_pieces(result.err, err)
    end
  end)

  it("shows nothing before the end of the task", function()
    local flag = helper.tmpdir() .. "/flag"
    local process = helper.spawn_prunner(script(prelude .. [[
      local flag = arg[1]
      function begin() prunner.post_task(page) end
      function page()
        print "early"
        io.stdout:flush()
        os.execute "echo shell"
        io.open(flag .. ".up", "w"):close()
        while not io.open(flag) do ffi.C.usleep(1000) end
      end
    ]]), "--group", "-n", 2, flag)
    assert.is_not_nil(helper.wait_until(function() return helper.read(flag .. ".up") end))
    assert.are.equal("", process:out())
    helper.write(flag, "")
    expect(process:wait(), 0, "early\nshell\n")
  end)

  it("passes on any bytes, however many, and lines without an end", function()
    for _, options in ipairs { { "-n", 2 }, { "--serial" } } do
      local result = expect(job([[
        function begin() for i = 1, 4 do prunner.post_task(page, i) end end
        function page(i)
          local part = string.char(64 + i):rep(49999) .. "\0"
          for _ = 1, 20 do io.write(part) end
          io.stdout:flush()
          os.execute("head -c 300000 /dev/zero | tr '\\0' " .. i)
          io.write(part)
        end
      ]], "--group", unpack(options)))
      local pieces = {}
      for i = 1, 4 do
        local part = string.char(64 + i):rep(49999) .. "\0"
        pieces[i] = part:rep(20) .. tostring(i):rep(300000) .. part
      end
      assert_pieces(result.out, pieces)
    end
  end)

  it("shows nothing of a run that ended with its worker, and its next run once", function()
    local result = expect(job([[
      function begin() for i = 1, 20 do prunner.post_task(page, i) end end
      function page(i)
        print("<", i)
        io.stderr:write "e\n"
        os.execute "echo '(shell)'"
        if i % 5 == 0 and prunner.attempt() == 1 then die() end
        print(i, ">")
      end
    ]], "--group", "-n", 4, "-q"))
    local pieces = {}
    for i = 1, 20 do pieces[i] = ("(shell)\n<\t%d\n%d\t>\n"):format(i, i) end
    assert_pieces(result.out, pieces)
    assert.are.equal(("e\n"):rep(20), result.err)
  end)

  it("shows each run that ended by an error, and then its report", function()
    local result = expect(job_2to1([[
      function begin() prunner.post_task(page) end
      function page()
        print("run", prunner.attempt())
        io.stderr:write "to stderr\n"
        if prunner.attempt() < 3 then error "no luck" end
      end
    ]], "-n 1 --group --retries 2"))
    local seen = {}
    for line in result.out:gmatch "[^\n]+" do
      if line:find "^run" or line:find "^to stderr" or line:find "^prunner: task page" then
        seen[#seen + 1] = line:match "^run\t%d" or line:match "^%S+ %S+"
      end
    end
    assert.are.same({ "run\t1", "to stderr", "prunner: task", "run\t2", "to stderr",
      "prunner: task", "run\t3", "to stderr" }, seen)
  end)

  it("shows what came before os.exit and before prunner.commit", function()
    local result = expect(job([[
      function begin() prunner.post_task(leaves) prunner.post_task(commits) end
      function leaves() io.write "before os.exit\n" os.execute "echo shell" os.exit(0) end
      function commits()
        if prunner.cursor() then print "the rest" return end
        print "before commit"
        prunner.commit(1)
        print "never shown"
        io.stdout:flush()
        die()
      end
    ]], "-n", 1, "--group", "--max-crashes", 2, "-q"), 1)
    assert_pieces(result.out, { "before commit\n", "the rest\n",
      ("shell\nbefore os.exit\n"):rep(2) })
  end)

  it("leaves the output of hooks and the messages of prunner as they are", function()
    local result = expect(job([[
      function begin() print "begin" prunner.post_task(page) end
      function worker_begin() print "worker_begin" end
      function page() print "page" error("no luck", 0) end
      function on_error() print "on_error" end
      function worker_end() print "worker_end" end
      function end_() print "end" end
    ]], "--group", "--tag", "-n", 1), 1,
      "begin\nworker_begin\npage()\tpage\non_error\nworker_end\nend\n")
    has("prunner: task page() failed: no luck", result.err)
  end)

  it("says nothing for tasks that print nothing", function()
    expect(job([[
      function begin() for i = 1, 100 do prunner.post_task(page, i) end end
      function page() prunner.dict:incr "n" end
      function end_() print(prunner.dict.n) end
    ]], "--group", "-n", 4), 0, "100\n")
  end)

  it("is undone by --line-buffer, whichever comes last", function()
    local text = [[
      function begin() prunner.post_task(page) end
      function page() print "Lua" os.execute "echo shell" end
    ]]
    expect(job(text, "-n", 1, "--line-buffer", "--group"), 0, "shell\nLua\n")
    local result = expect(helper.run(("%s -n 1 --group --line-buffer %s | cat"):format(
      helper.quote(helper.command), helper.quote(script(prelude .. [[
        function begin() for i = 1, 3 do prunner.post_task(page, i) end end
        function page(i) print(i) end
      ]])))))
    assert.are.equal("1\n2\n3\n", result.out)
  end)
end)

describe("--tag", function()
  after_each(helper.cleanup)

  it("begins each line with its task", function()
    local text = [[
      function begin() prunner.post_task(page, "a\tb", { 1 }) end
      function page()
        io.write "one\ntwo\n\nunfinished"
        io.stderr:write "error\nunfinished error"
      end
    ]]
    for _, options in ipairs { { "-n", 2 }, { "--serial" }, { "--group" }, { "--keep-order" },
      { "--keep-order", "--serial" } } do
      local result = expect(job(text, "--tag", unpack(options)))
      local tag = result.out:match "^[^\t]*"
      assert.has_match('page("a\\tb", {', tag, 1, true)
      assert.are.equal(("one\ntwo\n\nunfinished\n"):gsub("([^\n]*)\n", tag .. "\t%1\n"), result.out)
      assert.are.equal(("error\nunfinished error\n"):gsub("([^\n]*)\n", tag .. "\t%1\n"), result.err)
    end
  end)

  it("ends what a task left unfinished before another task's line can begin", function()
    local result = expect(job([[
      function begin() for i = 1, 50000 do prunner.post_task(page, i) end end
      function page(i) io.write("unfinished ", i) end
    ]], "--tag", "-n", 8), 0)
    local n = 0
    for line in result.out:gmatch "([^\n]*)\n" do
      local of, i = line:match "^page%((%d+)%)\tunfinished (%d+)$"
      assert.are.equal(of or "a line of one task", i, line)
      n = n + 1
    end
    assert.are.equal(50000, n)
  end)

  it("tags what programs print with --group, and not without", function()
    local text = [[
      function begin() prunner.post_task(page) end
      function page() os.execute "echo shell" end
    ]]
    expect(job(text, "--tag", "--group"), 0, "page()\tshell\n")
    expect(job(text, "--tag"), 0, "shell\n")
  end)

  it("shows a name with ends of lines and the like in one line", function()
    local text = [[
      _G["a\tb\n\27c"] = function() print "one" end
      function begin() prunner.post_task(_G["a\tb\n\27c"], "\t") end
    ]]
    for _, how in ipairs { "--line-buffer", "--group", "--keep-order" } do
      expect(job(text, "--tag", how), 0, '[?]("\\t")\tone\n')
    end
  end)

  it("shortens long arguments", function()
    local result = expect(job([[
      function begin() prunner.post_task(page, ("x"):rep(1000)) end
      function page() for _ = 1, 3 do print(("y"):rep(50000)) end end
    ]], "--tag"))
    for line in result.out:gmatch "([^\n]*)\n" do
      local tag, text = line:match "^(.-)\t(.*)$"
      assert.has_match("^page%(.*xxx.*%)$", tag)
      assert.is_true(#tag < 80, tag)
      assert.are.equal(("y"):rep(50000), text)
    end
  end)
end)

describe("--output-dir", function()
  after_each(helper.cleanup)

  local function files_of(dir, name)
    local pipe = assert(io.popen("ls -d " .. helper.quote(dir) .. "/" .. name .. "/*"))
    local found = {}
    for path in pipe:lines() do
      local f = {}
      for _, file in ipairs { "stdout", "stderr", "task" } do f[file] = helper.read(path .. "/" .. file) end
      found[#found + 1] = f
      f.path = path
    end
    pipe:close()
    table.sort(found, function(a, b) return a.task < b.task end)
    return found
  end

  it("has a directory for each task, with all it printed, and shows nothing", function()
    for _, options in ipairs { { "-n", 4 }, { "--serial" } } do
      local dir = helper.tmpdir() .. "/new"
      local result = expect(job(chatter, "--output-dir", dir, unpack(options)), 0, "")
      assert.are.equal("", result.err)
      local tasks = files_of(dir, "page")
      assert.are.equal(4, #tasks)
      for i, files in ipairs(tasks) do
        local errors = ("%d error\n%d shell error\n"):format(i, i)
        assert.are.equal(chatter_of(i), files.stdout)
        assert.are.equal(errors, files.stderr)
        assert.are.equal(("page(%d)\n"):format(i), files.task)
      end
      local modes = expect(helper.run(("stat -c %%a %s %s/page/*/stdout | sort -u"):format(
        helper.quote(dir), helper.quote(dir))))
      assert.are.equal("600\n700\n", modes.out)
    end
  end)

  it("shows it as well when --group, --tag or --keep-order says how", function()
    local dir = helper.tmpdir() .. "/new"
    local text = [[
      function begin() prunner.post_task(page) end
      function page() print(prunner.task_id()) os.execute "echo shell" end
    ]]
    for option, out in pairs { ["--group"] = "shell\n4096\n", ["--keep-order"] = "shell\n4096\n",
      ["--tag"] = "page()\tshell\npage()\t4096\n" } do
      expect(job(text, "--output-dir", dir, option), 0, out)
      assert.are.equal("shell\n4096\n", helper.read(dir .. "/page/4096/stdout"))
    end
  end)

  it("has the last run of a task, whatever it ended with", function()
    local dir = helper.tmpdir()
    expect(job([[
      function begin() for _, f in ipairs { dies, fails, poison } do prunner.post_task(f) end end
      local function say() io.stderr:write("run ", prunner.attempt(), "\n") end
      function dies() say() if prunner.attempt() == 1 then die() end end
      function fails() say() if prunner.attempt() == 1 then error "x" end end
      function poison() say() os.execute "echo last words >&2" die() end
    ]], "--output-dir", dir, "--retries", 1, "--max-crashes", 2, "-n", 2, "-q"), 1)
    assert.are.equal("run 2\n", files_of(dir, "dies")[1].stderr)
    assert.are.equal("run 2\n", files_of(dir, "fails")[1].stderr)
    assert.are.equal("run 2\nlast words\n", files_of(dir, "poison")[1].stderr)
  end)

  it("makes names of files that are safe", function()
    local dir = helper.tmpdir()
    expect(job([[
      local names = { "../../up", ".", "..", "a/b c *", "-rf", ("long"):rep(100) }
      for i, name in ipairs(names) do prunner.task(name, function() print(i) end) end
      function begin() for _, name in ipairs(names) do prunner.post_task(name) end end
    ]], "--output-dir", dir))
    local found = expect(helper.run("cd " .. helper.quote(dir) .. " && ls -A | LC_ALL=C sort")).out
    assert.are.equal("_\n_.\n_._.._up\n_rf\na_b_c__\n" .. ("long"):rep(100):sub(1, 127) .. "\n", found)
  end)

  it("must be a directory that can be written to", function()
    local result = expect(job("function begin() end", "--output-dir", "/dev/null"), 2)
    has('prunner: --output-dir: "/dev/null": Not a directory', result.err)
    result = expect(job("function begin() end", "--output-dir", helper.tmpdir() .. "/no/such"), 2)
    has("No such file or directory", result.err)
  end)

  it("ends the job with a message when it cannot be written to any more", function()
    for _, options in ipairs { { "-n", 2 }, { "--serial" } } do
      local dir = helper.tmpdir()
      local result = expect(job(([[
        function begin() os.execute "rm -rf %s" prunner.post_task(page) end
        function page() print "x" end
      ]]):format(dir), "--output-dir", dir, unpack(options)), 3)
      has(('prunner: --output-dir: "%s": No such file or directory: the job cannot continue'):format(dir),
        result.err)
    end
  end)
end)

describe("output that cannot be kept or shown", function()
  after_each(helper.cleanup)

  it("ends the job with a message when the disk is full", function()
    local dir = helper.tmpdir()
    for _, options in ipairs { { "--group" }, { "--keep-order" }, { "--group", "--serial" } } do
      local result = expect(job([[
        ffi.cdef "int setrlimit(int, const unsigned long *);"
        function begin() prunner.post_task(page) end
        function page()
          ffi.C.setrlimit(1, ffi.new("unsigned long[2]", 100000, 100000))
          for _ = 1, 10000 do print(("x"):rep(100)) end
        end
      ]], "--tmpdir", dir, "-n", 2, unpack(options)), 3)
      has(('prunner: the output of tasks cannot be kept in "%s" (--tmpdir): File too large: '
        .. "the job cannot continue"):format(dir), result.err)
    end
  end)

  for _, options in ipairs { "--group -n 2", "--keep-order -n 2", "--group --serial",
    "--keep-order --serial", "--tag -n 2", "--tag --serial" } do
    it("ends the job with status 141 when nobody reads, with " .. options, function()
      local status = helper.tmpdir() .. "/status"
      local path = script(prelude .. [[
        function begin() for i = 1, 10000 do prunner.post_task(page, i) end end
        function page(i) print(i, ("x"):rep(1000)) end
        function end_() io.stderr:write "never\n" end
      ]])
      local result = expect(helper.run(("{ %s %s %s; echo $? >%s; } | head -1"):format(
        helper.quote(helper.command), helper.quote(path), options, helper.quote(status)), { timeout = 40 }))
      assert.are.equal("141\n", helper.read(status))
      assert.are.equal(1, helper.count("\n", result.out))
      assert.is_true(#result.err < 300, result.err)
      assert.is_nil(result.err:find "never")
      assert.are.same({}, helper.survivors(result))
    end)

    it("ends it with status 3 when standard output is full, with " .. options, function()
      local path = script(prelude .. [[
        function begin() for i = 1, 20 do prunner.post_task(page, i) end end
        function page(i) print(i, ("x"):rep(10000)) end
      ]])
      local result = helper.run(("%s %s %s >/dev/full"):format(helper.quote(helper.command),
        helper.quote(path), options), { timeout = 40 })
      assert.are.equal(3, result.status)
      has("prunner: standard output: No space left on device", result.err)
    end)

    it("ends it with status 3 when standard output is a file under ulimit -f, with " .. options, function()
      local path = script(prelude .. [[
        function begin() for i = 1, 20 do prunner.post_task(page, i) end end
        function page(i) print(i, ("x"):rep(10000)) end
      ]])
      local file = helper.tmpdir() .. "/out"
      local result = helper.run(("ulimit -f 100; %s %s %s >%s"):format(helper.quote(helper.command),
        helper.quote(path), options, file), { timeout = 40 })
      assert.are.equal(3, result.status, result.err)
      has(": File too large: the job cannot continue", result.err)
      assert.is_nil(result.err:find("SIGXFSZ", 1, true), result.err)
    end)
  end

  it("ends begin() and end_() with status 3 when standard output is a file under ulimit -f", function()
    for _, hook in ipairs { "begin", "end_" } do
      local path = script(("function %s() for _ = 1, 20 do print(('x'):rep(10000)) end end"):format(hook)
        .. (hook == "begin" and "" or " function begin() end"))
      local result = helper.run(("ulimit -f 100; %s %s >%s/out"):format(helper.quote(helper.command),
        helper.quote(path), helper.tmpdir()))
      assert.are.equal(3, result.status, result.err)
      has("prunner: standard output: File too large", result.err)
    end
  end)
end)
