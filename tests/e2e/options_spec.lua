--- prunner.options: a script with options of its own is a proper command.

local helper = require "tests.e2e.helper"
local expect, prunner, script, has = helper.expect, helper.prunner, helper.script, helper.has

--- Ends with status 2 and this message, and has printed nothing.
local function refused(message, ...)
  local result = expect(prunner(...), 2, "")
  has(message, result.err)
  return result
end

-- Says what it was given, seen by a task.
local crawl = [[
  local prunner = require "prunner"
  local opt = prunner.options {
    description = "Crawls.",
    epilog = "That is all.",
    { "start", description = "the first page" },
    { "more", args = "*" },
    { "-o --output", default = "out.txt", description = "where it goes" },
    { "--depth", default = 3, description = "how far" },
    { "--kind", choices = { "html", "pdf" } },
    { "-v --verbose", flag = true, count = "*" },
    { "--dry-run", flag = true },
  }
  function begin() prunner.post_task(show) end
  function show()
    print(opt.start, #opt.more, table.concat(opt.more, "|"), opt.output, opt.depth, type(opt.depth), opt.kind,
      opt.verbose, opt.dry_run)
  end
]]

describe("prunner.options", function()
  after_each(helper.cleanup)

  it("gives the values to the script and to all its tasks", function()
    local path = script(crawl)
    local defaults = "here\t0\t\tout.txt\t3\tnumber\tnil\t0\tnil\n"
    expect(prunner(path, "here"), 0, defaults)
    expect(prunner(path, "here", "--serial"), 0, defaults)
    expect(prunner(path, "here", "-n", 2, "a b", "c"), 0, "here\t2\ta b|c\tout.txt\t3\tnumber\tnil\t0\tnil\n")
    expect(prunner("-n", 2, path, "--depth", "5", "-n", 1, "here", "-vv", "--output=x", "--retries", 1,
      "--kind", "pdf", "--dry-run", "-v", "more"), 0, "here\t1\tmore\tx\t5\tnumber\tpdf\t3\ttrue\n")
    expect(prunner(path, "here", "-oy", "-q", "--order", "lifo", "--depth=-1"), 0,
      "here\t0\t\ty\t-1\tnumber\tnil\t0\tnil\n")
    expect(prunner("-", "here", "--depth", 4, { stdin = crawl }), 0,
      "here\t0\t\tout.txt\t4\tnumber\tnil\t0\tnil\n")
  end)

  it("converts values, defaults too where argparse does", function()
    local path = script [[
      local prunner = require "prunner"
      local opt = prunner.options {
        { "n", default = 0.1 },
        { "--twice", default = "4", convert = function(s) return s * 2 end },
        { "--raw", default = 7, convert = function(s) return s * 2 end },
        { "--size", default = 1e15 },
        { "--on", convert = { yes = true, no = false } },
        { "--pair", args = 2, convert = { tonumber, string.upper }, argname = { "<n>", "<name>" } },
        { "--file", convert = io.open },
      }
      function begin() end
      function end_()
        print(opt.n == 0.1, opt.twice, opt.raw, opt.size == 1e15, opt.on, opt.pair and opt.pair[1],
          opt.pair and opt.pair[2])
      end
    ]]
    expect(prunner(path), 0, "true\t8\t7\ttrue\tnil\tnil\tnil\n")
    expect(prunner(path, "1", "--twice", 5, "--raw", 5, "--on", "no", "--pair", "0x10", "x"), 0,
      "false\t10\t10\ttrue\tfalse\t16\tX\n")
    refused('--pair: "x" is not a number', path, "--pair", "x", "x")
    refused('--on: "maybe" is not a value that it takes', path, "--on", "maybe")
    refused('--file: "/missing": /missing: No such file', path, "--file", "/missing")
    refused('n: "x" is not a number', path, "x")
    has("default: 0.1\n", expect(prunner(path, "-h")).out)
    refused("n: the default of an argument is a string, which is converted", script [[
      require("prunner").options { { "n", default = 3, convert = math.floor } }
    ]])
  end)

  it("takes what follows -- for arguments", function()
    local path = script(crawl)
    expect(prunner(path, "--depth", 1, "--", "-v", "--depth", "--"), 0,
      "-v\t2\t--depth|--\tout.txt\t1\tnumber\tnil\t0\tnil\n")
    expect(prunner("--", path, "-n"), 0, "-n\t0\t\tout.txt\t3\tnumber\tnil\t0\tnil\n")
    expect(prunner(path, "here", "--"), 0, "here\t0\t\tout.txt\t3\tnumber\tnil\t0\tnil\n")
  end)

  it("says what is wrong with the command line, and runs nothing", function()
    local path = script(crawl)
    local help = "; see prunner " .. path .. " --help\n"
    local result = refused("unknown option '--dept' (did you mean '--depth'?)" .. help, path, "x",
      "--dept", "1")
    assert.are.equal("prunner: " .. path .. ": ", result.err:match("^.-: .-: "))
    assert.is_nil(result.err:find("traceback"))
    refused("unknown option '-x'" .. help, path, "here", "-x")
    refused("missing argument 'start'" .. help, path)
    refused('--depth: "deep" is not a number' .. help, path, "here", "--depth", "deep")
    refused("option '--depth' requires an argument" .. help, path, "here", "--depth")
    refused("argument for option '--kind' must be one of 'html', 'pdf'" .. help, path, "here", "--kind", "x")
    refused("too many arguments; see prunner ", script [[require("prunner").options {}]], "x")
  end)

  it("leaves the words before the script's name to prunner", function()
    local path = script(crawl)
    refused("unknown option --depth: see prunner --help", "--depth", "1", path, "here")
    refused('unknown option -v: see prunner --help', "-v", path, "here")
    refused('unknown option -v in "-qv"', path, "here", "-qv")
    refused('-n: "x" is not a number of workers', path, "here", "-n", "x")
  end)

  it("changes nothing for scripts that declare none", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() print "begin" end
      if arg[1] == "start" then prunner.init(1, false, begin) prunner.start() end
      if arg[1] == "fail" then error "no luck" end
    ]]
    local message = "unknown option --frob: see prunner --help; what is meant for the script goes after --"
    assert.are.equal("prunner: " .. message .. "\n", refused(message, path, "x", "--frob=1").err)
    refused(message, path, "start", "--frob=1")
    has("no luck", refused(message, path, "fail", "--frob=1").err)
    refused('unknown option -x in "-xn"', path, "-xn", "--frob")
    expect(prunner(path, "--", "--frob"), 0, "begin\n")
    refused("cannot open", "/missing.lua", "--frob")
  end)

  it("prints what was declared with --help", function()
    local path = script(crawl)
    for _, words in ipairs { { path, "--help" }, { "-n", "2", path, "here", "-h", "--frob" } } do
      local result = expect(prunner(unpack(words)))
      assert.are.equal("", result.err)
      has("Usage: prunner " .. path, result.out)
      has("Crawls.", result.out)
      has("the first page", result.out)
      has("where it goes (default: out.txt)", result.out)
      has("how far (default: 3)", result.out)
      has("-h, --help", result.out)
      assert.has_match("That is all%.\n\nprunner's own options, such as %-n, may be given too: "
        .. "see prunner %-%-help\n$", result.out)
    end
    has("Usage: prunner - ", expect(prunner("-", "--help", { stdin = crawl })).out)
  end)

  it("leaves --help to prunner if none were declared", function()
    local dir = helper.tmpdir()
    local own = expect(prunner "--help").out
    local path = script "function begin() print 'begin' end"
    expect(prunner(path, "--help", "--frob"), 0, own)
    expect(prunner("--help", script(crawl)), 0, own)
    expect(prunner(path, "--state", dir .. "/s", "--failures", dir .. "/d", "-h"), 0, expect(prunner "-h").out)
    assert.is_nil(helper.read(dir .. "/s") or helper.read(dir .. "/d"))
    path = script [[
      local prunner = require "prunner"
      prunner.init(1, false, function() print "begin" end)
      pcall(prunner.start)
      prunner.start()
    ]]
    expect(prunner(path, "--help"), 0, own)
    refused("no luck", script "error 'no luck'", "--help")
    refused("cannot open", "/missing.lua", "--help")
  end)

  it("refuses names that would be taken for prunner's own", function()
    for name, own in pairs { ["-n"] = "-n", ["-no --none"] = "-n", ["--memory"] = "--memory",
      ["--state"] = "--state", ["--max_rss"] = "--max-rss", ["-H -h"] = "-h", ["--help"] = "--help" } do
      local path = script("\nrequire('prunner').options { { '" .. name .. "' } }")
      local result = refused(("would be taken for prunner's own %s: choose another name"):format(own), path)
      has(path .. ':2: options: "' .. name:match("%S+$"):gsub("^%-%-none", "-no"), result.err)
    end
    expect(prunner(script [[
      require("prunner").options { { "--depth" }, { "--mem" }, { "-x" } }
      function begin() end
    ]]), 0, "")
  end)

  it("says what is wrong with the declaration", function()
    local function wrong(message, declaration)
      has("script.lua:1: options: " .. message,
        expect(prunner(script("require('prunner').options(" .. declaration .. ")")), 2, "").err)
    end
    wrong("a table is needed, got nil", "")
    wrong('each of the list is a table that begins with a name, such as { "--depth"', "{ 'x' }")
    wrong("each of the list", "{ { description = 'x' } }")
    wrong('"-a" is declared twice', "{ { '-a' }, { '-b -a' } }")
    wrong("--depth has no property defualt", "{ { '--depth', defualt = 3 } }")
    wrong("input has no property count", "{ { 'input', count = 3 } }")
    wrong("--x has no property 2", "{ { '--x', 'y' } }")
    wrong("the declaration has no property descripton", "{ descripton = 'x' }")
    wrong("--x: bad property 'convert' (function or table expected, got string)",
      "{ { '--x', convert = 'x' } }")
    wrong("bad property 'description' (string expected, got number)", "{ description = 5 }")
  end)

  it("is called once, while the script loads", function()
    local twice = script [[
      local prunner = require "prunner"
      prunner.options {}
      prunner.options {}
    ]]
    has(twice .. ":3: options: they were declared already", expect(prunner(twice), 2, "").err)
    local late = "options: they are declared while the script loads, not in begin(), tasks or hooks"
    refused(late, script [[ function begin() require("prunner").options {} end ]])
    local result = expect(prunner(script [[
      function begin() require("prunner").post_task(work) end
      function work() require("prunner").options {} end
    ]]), 1, "")
    has(late, result.err)
    refused(late, script [[
      local prunner = require "prunner"
      prunner.init(1, false, function() end)
      prunner.start()
      prunner.options {}
    ]])
  end)

  it("ends the script also when somebody catches errors", function()
    local path = script [[
      local prunner = require "prunner"
      pcall(prunner.options, { { "input" } })
      prunner.init(1, false, function() print "begin" end)
      if arg[2] then prunner.start() end
    ]]
    refused("too many arguments", path, "a", "b")
    refused("missing argument 'input'", path)
  end)

  it("needs argparse, and says so", function()
    refused("options: the Lua module argparse is needed to declare options", script [[
      require("prunner").options {}
    ]], { env = { LUA_PATH = "/nowhere/?.lua" } })
  end)

  it("reads arg under plain luajit", function()
    local path = script(crawl .. [[
      prunner.init(1, false, begin)
      prunner.start()
    ]])
    expect(helper.luajit(path, "here", "--depth", 5, "-v", "--", "-x"), 0,
      "here\t1\t-x\tout.txt\t5\tnumber\tnil\t1\tnil\n")
    expect(prunner(path, "here", "--depth", 5), 0, "here\t0\t\tout.txt\t5\tnumber\tnil\t0\tnil\n")
    local help = expect(helper.luajit(path, "--help")).out
    has("Usage: " .. helper.interpreter .. " " .. path, help)
    has("That is all.\n", help)
    assert.is_nil(help:find("prunner --help", 1, true))
    has("unknown option '-n'", expect(helper.luajit(path, "here", "-n", 2), 2, "").err)
  end)

  it("leaves no state behind when the job did not begin", function()
    local state = helper.tmpdir() .. "/job"
    for _, words in ipairs { { script(crawl), "--dept", "5" }, { script "function begin() end", "--frob" },
      { script "x x" }, { script "function begin() error 'no' end" } } do
      expect(prunner("--state", state, unpack(words)), 2, "")
      assert.is_nil(io.open(state))
    end
    expect(prunner("--state", state, script(crawl), "here"))
    assert.is_truthy(io.open(state))
    expect(prunner("--state", state, script(crawl), "here"), 2, "")
    assert.is_truthy(io.open(state))
  end)

  it("says with which words an interrupted job goes on", function()
    local path = script [[
      local prunner = require "prunner"
      local opt = prunner.options { { "files", args = "*" }, { "--go", flag = true } }
      function begin() for i = 1, 3 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter "n":add(i)
        if i == 2 and not opt.go then os.execute "kill -TERM $(ps -o ppid= -p $PPID)" end
      end
      function end_() print(prunner.counter "n":get(), #opt.files) end
    ]]
    local state = helper.tmpdir() .. "/job"
    local result = expect(prunner(path, "-n", 1, "--state", state, "it's", "b", "--", "-x"), 143, "")
    local again = result.err:match("to continue it: prunner (%-%-resume [^\n]+)")
    assert.are.equal(("--resume %s %s 'it'\\''s' b -- -x"):format(state, path), again)
    expect(helper.run(helper.quote(helper.command) .. " " .. again), 0, "6\t3\n")
  end)

  it("gives the values again with --resume and --retry-failed", function()
    local path = script [[
      local prunner = require "prunner"
      local opt = prunner.options { { "--go", flag = true }, { "--by", default = 1, convert = tonumber } }
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function work(i)
        if i == 10 and not opt.go then os.execute "kill -9 $(ps -o ppid= -p $PPID)" end
        if i == 20 and opt.by == 1 then error "by 1" end
        prunner.counter "n":add(opt.by)
      end
      function end_() print(prunner.counter "n":get()) end
    ]]
    local dir = helper.tmpdir()
    local killed = prunner(path, "-n", 1, "--state", dir .. "/job", "--by", 2)
    assert.is_truthy(killed.signal == 9 or killed.status == 137)
    assert(helper.wait_until(function() return #helper.survivors(killed) == 0 end))
    expect(prunner(path, "-n", 1, "--resume", dir .. "/job", "--by", 2, "--go"), 0, "40\n")
    expect(prunner(path, "-n", 1, "--go", "--failures", dir .. "/failures"), 1, "19\n")
    expect(prunner(path, "-n", 1, "--go", "--retry-failed", dir .. "/failures", "--by", 7), 0, "7\n")
  end)
end)
