--- What the documents say is tried: whole scripts are run and their output compared, fragments are
-- compiled, commands are run, and no option or function goes unmentioned.
--
-- In README.md, docs/*.md and docs/internals/*.md:
--
--   ```lua            a whole script; run with several numbers of workers
--   ```lua exits 1    the same, with this exit status
--   ```lua -c K        the same, also with --concurrency K
--   ```lua needs M     the same, if there is a module M; -c K comes before it
--   ```lua fragment   is only compiled
--   ```sh             commands; run from the top of the tree
--   ```sh install     commands that change the machine; their make targets must exist
--   ```text           after a script or commands: what they print
--   ```text like      the same; numbers may be others
--   ```LANG file F    is written to F, in a directory that the page has for itself
--   ```sh session     commands in that directory, all of the page one after the other in one shell

local helper = require "tests.e2e.helper"

local pages = helper.lines_of("cd " .. helper.quote(helper.root)
  .. " && ls README.md docs/*.md docs/internals/*.md")

local function page_text(page)
  return assert(helper.read(helper.root .. "/" .. page), page)
end

--- The code blocks of a page, in order: { lang =, words =, line =, text = }.
local function blocks_of(page)
  local blocks, block, number = {}, nil, 0
  for line in (page_text(page) .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local info = line:match("^```(.*)$")
    if block and info then
      block.text = table.concat(block, "\n", 1, #block) .. "\n"
      blocks[#blocks + 1], block = block, nil
    elseif info then
      block = { lang = info:match("^%S*"), words = info:match("^%S*%s*(.*)$"), line = number }
    elseif block then
      block[#block + 1] = line
    end
  end
  assert(not block, page .. ": a block is never closed")
  return blocks
end

--- Calls fn(block, next block, "page:line") for the blocks of one language on all pages.
local function each_block(lang, fn)
  for _, page in ipairs(pages) do
    local blocks = blocks_of(page)
    for i, block in ipairs(blocks) do
      if block.lang == lang then fn(block, blocks[i + 1], page .. ":" .. block.line) end
    end
  end
end

local function output_block(block, where)
  assert(block and block.lang == "text", where .. ": no output follows")
  return block.text
end

--- A page that is to be followed from top to bottom: its files are written, its commands run by one
-- shell, which says before each block where it is. Returns the blocks, and what was printed by line.
local function follow(page)
  local dir = helper.tmpdir()
  local commands, steps, blocks = { "set -e", "exec 2>&1" }, {}, blocks_of(page)
  for i, block in ipairs(blocks) do
    local file = block.words:match "^file (%S+)$"
    if file then helper.write(dir .. "/" .. file, block.text) end
    if block.words == "session" then
      commands[#commands + 1] = ("echo '@ %d'\n%s"):format(block.line, block.text)
      local following = blocks[i + 1]
      steps[#steps + 1] = { block = block, expected = following and following.lang == "text" and following }
    end
  end
  commands[#commands + 1] = "echo '@ end'"
  local path = helper.directory(helper.command) .. ":" .. os.getenv "PATH"
  local result = helper.run({ "bash", "-c", table.concat(commands, "\n") },
    { cwd = dir, env = { PATH = path } })
  local printed = {}
  for line, text in result.out:gsub("\n@ ", "\n\0@ "):gmatch "@ (%w+)\n(%Z*)" do printed[line] = text end
  return steps, printed, result
end

--- A server for scripts that ask $SERVER; its pages link to each other.
local function server()
  local dir = helper.tmpdir()
  for name, text in pairs { ["1"] = '"2" href="3"', ["2"] = '"1"', ["3"] = '"2"' } do
    helper.write(dir .. "/" .. name, "<a href=" .. text .. ">")
  end
  local process = helper.spawn({ helper.interpreter, helper.root .. "/tests/e2e/http_server.lua" },
    { env = { HTTP_PAGES = dir } })
  return "http://127.0.0.1:" .. helper.wait_until(function() return process:out():match("^(%d+)\n") end)
end

--- What a script that is run needs: its exit status, how many tasks a worker takes turns with, a module.
local function needs_of(block, where)
  local words, status, concurrency, module = block.words, nil, nil, nil
  words = words:gsub("^exits (%d+)$", function(n) status = tonumber(n) return "" end)
  words = words:gsub("^%-c (%d+) ?", function(n) concurrency = n return "" end)
  words = words:gsub("^needs (%w+)$", function(name) module = name return "" end)
  assert(words == "", where .. ": " .. block.words)
  return status or 0, concurrency, module
end

describe("the documents", function()
  after_each(helper.cleanup)

  for _, page in ipairs(pages) do
    if page_text(page):find("\n```sh session\n", 1, true) then
      it(("have a page, %s, that can be followed to its end"):format(page), function()
        local steps, printed, result = follow(page)
        for _, step in ipairs(steps) do
          local expected = step.expected and step.expected.text or ""
          local got = printed[tostring(step.block.line)] or "nothing: it was not reached"
          if step.expected and step.expected.words == "like" then
            expected, got = expected:gsub("%d+", "N"), got:gsub("%d+", "N")
          end
          assert(got == expected, ("%s:%d\nexpected:\n%s\ngot:\n%s\nall of it:\n%s"):format(page,
            step.block.line, expected, got, result.out))
        end
        helper.expect(result, 0)
      end)
    end
  end

  each_block("lua", function(block, following, where)
    if block.words:find "^file " then return end
    if block.words == "fragment" then
      it(("have a fragment at %s that compiles"):format(where), function()
        assert(loadstring(block.text, "@" .. where))
      end)
      return
    end
    it(("have a script at %s that prints what they say"):format(where), function()
      local status, concurrency, module = needs_of(block, where)
      if module and not pcall(require, module) then return pending("needs " .. module) end
      local expected = output_block(following, where)
      local script = helper.script(block.text)
      local options = { env = { SERVER = block.text:find '"SERVER"' and server() or nil } }
      for _, n in ipairs { 1, 2, 3, 10 } do
        helper.expect(helper.prunner(script, "-n", n, options), status, expected)
      end
      if concurrency then
        for _, n in ipairs { 1, 2 } do
          helper.expect(helper.prunner(script, "-n", n, "-c", concurrency, options), status, expected)
        end
      end
      helper.expect(helper.prunner(script, options), status, expected)
      if block.text:find("start%(%)") then
        helper.expect(helper.luajit(script), status, expected)
      end
    end)
  end)

  each_block("sh", function(block, following, where)
    if block.words == "session" then return end
    if block.words == "install" then
      it(("name targets of make at %s that exist"):format(where), function()
        local makefile = page_text("Makefile") .. page_text("make/install.mk")
        for target in block.text:gmatch("%f[%w]make +(%l+)") do
          assert.has_match("\n" .. target .. ":", makefile, 1, true)
        end
      end)
      return
    end
    it(("have commands at %s that print what they say"):format(where), function()
      local commands = block.text:gsub("build/prunner", function() return helper.quote(helper.command) end)
      local result = helper.run("set -e\n" .. commands, { cwd = helper.root })
      helper.expect(result, 0, output_block(following, where))
    end)
  end)

  it("name files that exist", function()
    for _, page in ipairs(pages) do
      local dir = page:match("^(.*/)") or ""
      for path in page_text(page):gmatch("%]%(([^)#]+)") do
        assert(helper.read(helper.root .. "/" .. dir .. path), page .. ": " .. path)
      end
      for path in page_text(page):gmatch("%f[%w]%l+/[%w_/]+%.%l+") do
        if path:find("^engine/") or path:find("^scripts/") or path:find("^tests/") or path:find("^lua/") then
          assert(helper.read(helper.root .. "/" .. path), page .. ": " .. path)
        end
      end
    end
  end)

  local function anchors_of(page)
    local anchors = {}
    for title in ("\n" .. page_text(page)):gmatch("\n#+ ([^\n]*)") do
      anchors[title:lower():gsub("[^%w %-_]", ""):gsub(" ", "-")] = true
    end
    return anchors
  end

  it("have a picture that is small, of a job that runs", function()
    assert.is_true(#helper.read(helper.root .. "/docs/progress.png") < 200000)
    local result = helper.prunner(helper.root .. "/docs/picture/crawl.lua", "-n", 50)
    helper.expect(result, 1, nil)
    helper.has("prunner: 1 task failed, of 5000 tasks", result.err)
  end)

  --- Calls fn(target, anchor or nil) for each link that a page has to one of our files; `page` is
  -- itself one.
  local function each_link(page, fn)
    local folder = page:match("^(.*/)") or ""
    for link in page_text(page):gsub("```.-```", ""):gmatch("%]%(([^)%s]+)%)") do
      if not link:find("^%a+:") then
        local other, anchor = link:match("^([^#]*)#?(.*)$")
        local path = other == "" and page or folder .. other
        local before
        repeat
          before, path = path, path:gsub("[^/]+/%.%./", "", 1)
        until path == before
        fn(path, anchor ~= "" and anchor, page .. ": " .. link)
      end
    end
  end

  it("link to files and sections that there are", function()
    local seen = 0
    local all = helper.lines_of("cd " .. helper.quote(helper.root)
      .. " && find README.md CHANGELOG.md docs engine bench -name '*.md'")
    for _, page in ipairs(all) do
      each_link(page, function(path, anchor, where)
        seen = seen + 1
        local file = assert(io.open(helper.root .. "/" .. path), where)
        file:close()
        if anchor then assert(anchors_of(path)[anchor], where) end
      end)
    end
    assert.is_true(seen > 100, seen .. " links")
  end)
end)

describe("the manual page and the guides", function()
  after_each(helper.cleanup)

  local manual = page_text("docs/prunner.1"):gsub("\\%-", "-")
  local running = page_text("docs/running.md")
  local guide = page_text("docs/guide.md") .. running .. page_text("docs/monitoring.md")

  --- Long and short options of --help.
  local function options()
    local help = helper.expect(helper.prunner("--help")).out
    local found = {}
    for spaces, text in help:gmatch("\n( +)(%-[^\n]*)") do
      if #spaces <= 6 then
        for option in text:match("^[^ ]+[^ ]*[, %-%l]*"):gmatch("%-%-?[%l%-]+") do
          found[#found + 1] = option
        end
      end
    end
    return found
  end

  it("tell of every option that --help tells of", function()
    local all = options()
    assert.is_true(#all >= 18, "options found: " .. table.concat(all, " "))
    for _, option in ipairs(all) do
      assert(running:find("`" .. option, 1, true), "running.md: " .. option)
      local flag = option:sub(2)
      assert(manual:find("\n.It Fl " .. flag, 1, true) or manual:find(" , Fl " .. flag, 1, true),
        "prunner.1: " .. option)
    end
  end)

  --- `docs/options.lua` run on copies of the pages, after `change` has changed them.
  local function rewrite(change, word)
    local dir = helper.tmpdir()
    helper.run({ "mkdir", dir .. "/docs" })
    for _, page in ipairs { "prunner.1", "running.md" } do
      helper.write(dir .. "/docs/" .. page, (change(page_text("docs/" .. page))))
    end
    local words = { helper.root .. "/docs/options.lua", "--", word }
    words[#words + 1] = { cwd = dir }
    return helper.prunner(unpack(words)), dir
  end

  it("list the options of the table, in its order and groups", function()
    local result = helper.prunner("docs/options.lua", "--", "--check", { cwd = helper.root })
    assert.are.equal("", result.err)
    helper.expect(result, 0, "")
    for wrong, right in pairs { ["Fl %-memory Ar size"] = "Fl -memory", ["%.Ss Crash recovery"] = ".Ss Rest",
      ["%.It Fl %-serial.-(%.It)"] = "%1", ["append each task that failed"] = "append each that failed" } do
      result = rewrite(function(text) return text:gsub(wrong, right) end, "--check")
      local message = "not that of engine/job/options.c: run `make options-docs`"
      helper.has(message, helper.expect(result, 1, "").err)
    end
  end)

  it("are written anew with the paragraphs that they had", function()
    local function shuffled(text) -- --nice comes first, and is not in the guide
      local nice = text:match "(%.It Fl %-nice.-)%.El"
      if not nice then return text:gsub("\n| `%-%-nice N`[^\n]*", "") end
      local at = text:find(nice, 1, true)
      text = text:sub(1, at - 1) .. text:sub(at + #nice)
      at = text:find(".It Fl n Ar n , ", 1, true)
      return text:sub(1, at - 1) .. nice .. text:sub(at)
    end
    local result, dir = rewrite(shuffled)
    helper.expect(result, 0, "docs/prunner.1: written\ndocs/running.md: written\n")
    for _, page in ipairs { "prunner.1", "running.md" } do
      assert.are.equal(page_text("docs/" .. page), helper.read(dir .. "/docs/" .. page))
    end
  end)

  it("are asked for a paragraph that is missing", function()
    local function without(text) return text:gsub("%.It Fl %-tag.-(%.It)", "%1") end
    local result, dir = rewrite(without)
    helper.has("please describe --tag at length", helper.expect(result, 0).err)
    helper.has("\n.It Fl -tag\nStart each line with its task and a tab.\n",
      helper.read(dir .. "/docs/prunner.1"))
  end)

  it("tell of every other command that --help tells of", function()
    local count = 0
    for name, words in helper.expect(helper.prunner("--help")).out:gmatch("\n  prunner (%l+) (%u[^\n]-)  ") do
      count = count + 1
      assert(running:find(("| `prunner %s %s`"):format(name, words), 1, true), "running.md: " .. name)
      assert(manual:find("\n.It Cm " .. name, 1, true), "prunner.1: " .. name)
    end
    assert.is_true(count >= 1)
  end)

  it("tell of no option that does not exist", function()
    local all = {}
    for _, option in ipairs(options()) do all[option] = true end
    for flag in manual:gmatch("\n%.It Fl (%S+)") do
      assert(all["-" .. flag], "prunner.1: -" .. flag)
    end
    for option in running:gmatch("\n| `(%-%-?[%l%-]+)") do
      assert(all[option], "running.md: " .. option)
    end
  end)

  it("tell of every public name", function()
    local script = helper.script [[
      local prunner = require "prunner"
      for name in pairs(prunner) do print(name) end
      local function methods(what, class)
        for name in pairs(class) do
          if not name:find "^__" then print(what .. ":" .. name) end
        end
      end
      for _, module in ipairs { "accumulators", "lock", "manager" } do
        for _, class in ipairs(require("prunner." .. module).classes) do
          methods(class.__name == "prunner.manager" and "manager" or "", class)
        end
      end
      for _, name in ipairs { "begin", "end_", "worker_begin", "worker_end", "on_error" } do print(name) end
      function begin() end
    ]]
    local names = helper.expect(helper.prunner(script, "-n", 1)).out
    local count = 0
    for name in names:gmatch("[^\n]+") do
      count = count + 1
      local found = name:find(":", 1, true) and guide:find(name .. "(", 1, true)
        or guide:find("prunner." .. name .. "%f[^%w_]") or guide:find("`" .. name .. "[(`]")
      assert(found, "in none of the guides: " .. name)
    end
    assert.is_true(count > 30)
  end)

  it("tell the exit statuses that --help tells", function()
    for _, status in ipairs { "0", "1", "2", "3" } do
      assert.has_match("\n| " .. status .. " |", guide, 1, true)
      assert.has_match("\n.It " .. status .. "\n", manual, 1, true)
    end
  end)

  it("have no mistakes that mandoc knows", function()
    local result = helper.run({ "mandoc", "-Tlint", "-Wwarning", helper.root .. "/docs/prunner.1" })
    helper.expect(result, 0, "")
  end)
end)
