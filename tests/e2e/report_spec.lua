--- --report: how the job went, as a page or as figures. Where there is Chromium, it opens the page.

local cjson = require "cjson"
local helper = require "tests.e2e.helper"
local expect, has = helper.expect, helper.has

--- A script and the path of a file beside it.
local function make(text, ending)
  local path = helper.script(helper.deadly_and_slow .. text)
  return path, helper.beside(path, "report." .. (ending or "html"))
end

local eventful = [[
  function begin()
    for i = 1, 30 do prunner.post_task(work, i) end
    prunner.post_task("<b>&amp;\"'", "</pre><script>alert(1)</script>")
    prunner.post_task(dies)
  end
  function work(i) pause(5) if i % 10 == 0 then error(("no page %d at \"<%d>\""):format(i, i)) end end
  prunner.task("<b>&amp;\"'", function(text) pause(30) error(text .. "\255", 0) end)
  function dies() pause(1) die(11) end
]]

--- The page, after a look at its tags: each is closed, nothing is loaded, no script.
local function page_of(report)
  local page, open = helper.read(report), {}
  for slash, name, rest in page:gmatch "<(/?)([%a][%w]*)([^>]*)>" do
    if slash == "/" then
      assert.are.equal(table.remove(open), name)
    elseif not rest:find "/$" and name ~= "meta" and name ~= "br" then
      open[#open + 1] = name
    end
    assert.are_not.equal("script", name)
  end
  assert.are.same({}, open)
  for _, loads in ipairs { " src=", " href=", "url%(", "@import" } do assert.is_nil(page:find(loads)) end
  return page
end

local function svg_count(page) return helper.count("<svg ", page) end

describe("--report", function()
  after_each(helper.cleanup)

  it("says in .json what happened", function()
    local path, report = make(eventful, "json")
    expect(helper.prunner(path, "-n", 3, "-q", "--max-crashes", 2, "--report", report), 1)
    local data = cjson.decode(helper.read(report))
    assert.are.same({ "failed", 1, 32, 32, 4, 1, 0, 3, path }, { data.how, data.status, data.posted, data.finished,
      data.failed, data.quarantined, data.pending, data.workers, data.script })
    assert.is_true(data.seconds > 0.05 and data.efficiency > 0 and data.efficiency <= 1)
    local by_name = {}
    for _, f in ipairs(data.functions) do by_name[f.name] = f end
    local work = by_name.work
    assert.are.same({ 30, 30, 3 }, { work.posted, work.finished, work.failed })
    assert.is_true(work.p50 >= 0.004 and work.p95 >= work.p50 and work.longest >= work.p95)
    local n = 0
    for _, t in ipairs(work.times) do n = n + t.count end
    assert.are.equal(30, n)
    local slowest, last_seconds = {}, math.huge
    for _, run in ipairs(data.slowest) do
      assert.is_true(run.seconds <= last_seconds)
      slowest[run.name], last_seconds = true, run.seconds
    end
    assert.is_true(slowest["<b>&amp;\"'"])

    local kinds = {}
    for _, f in ipairs(data.failures) do kinds[f.task.name] = f end
    assert.are.same({ 3, 0 }, { kinds.work.count, kinds.work.retried })
    -- The first that failed stands for them: any of the three.
    assert.has_match('no page ([123]0) at "<%1>"', kinds.work.text .. kinds.work.task.error)
    has("stack traceback:", kinds.work.text)
    assert.are.same({ 2, 1, "SIGSEGV" }, { kinds.dies.count, kinds.dies.retried, kinds.dies.task.error })
    has("</script>\\xff", kinds["<b>&amp;\"'"].text)
    assert.are.same({ 2, "SIGSEGV" }, { #data.deaths, data.deaths[1].how })

    local last = data.samples[#data.samples]
    assert.are.same({ 0, 3, 30 }, { last.waiting, #last.rows, last.finished[tostring(work.number)] })
    local at, busy = -1, 0
    for _, sample in ipairs(data.samples) do
      assert.is_true(sample.at >= at)
      at, busy = sample.at, math.max(busy, sample.rows[1].busy)
    end
    assert.is_true(busy > 0)
  end)

  it("says how long tasks waited beside how long they ran", function()
    local path, report = make([[
      function begin()
        for i = 1, 4 do prunner.post_task(waits, i) end
        prunner.post_task(computes)
      end
      function waits() prunner.sleep(0.05) end
      function computes() pause(5) end
    ]], "json")
    expect(helper.prunner(path, "-n", 1, "-c", 5, "--report", report), 0)
    local by_name = {}
    for _, f in ipairs(cjson.decode(helper.read(report)).functions) do by_name[f.name] = f end
    assert.is_true(by_name.waits.waited >= 4 * 0.049)
    assert.is_true(by_name.waits.busy < by_name.waits.waited)
    assert.are.equal(0, by_name.computes.waited)
    local page = (report:gsub("json$", "html"))
    expect(helper.prunner(path, "-n", 1, "-c", 5, "--report", page), 0)
    has('<th scope="col">In all</th><th scope="col">Waited</th>', page_of(page))
    expect(helper.prunner(path, "-n", 1, "--report", page), 0)
    helper.has_not(">Waited<", page_of(page))
  end)

  it("has lists in .json, also where there is nothing in them", function()
    local path, report = make([[
      function begin() prunner.post_task(work) end
      function work() error('"failures":{}', 0) end
    ]], "json")
    expect(helper.prunner(path, "-n", 1, "-q", "--report", report), 1)
    local text = helper.read(report)
    has('"error":"\\"failures\\":{}"', text)
    has('"deaths":[]', text)
    helper.has_not('":{}', (text:gsub('\\"failures\\":{}', "")))
  end)

  it("is a page that needs nothing else and takes nothing for its own tags", function()
    local path, report = make(eventful)
    expect(helper.prunner(path, "-n", 3, "-q", "--max-crashes", 2, "--report", report), 1)
    local page = page_of(report)
    has('<span class="state bad">Ended with failures</span>: 4 tasks failed, 1 task was quarantined', page)
    has("&lt;b&gt;&amp;amp;&quot;&#39;", page)
    has("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\xff", page)
    has("<p class=\"soft\">3 times, from ", page)
    has("stack traceback:", page)
    assert.are.equal(2 + 2, svg_count(page)) -- no time is known of what has always died
    assert.are.equal("600\n", helper.run({ "stat", "-c", "%a", report }).out)
  end)

  it("works for no task, many workers and many functions", function()
    local path, report = make [[
      function begin() end
    ]]
    expect(helper.prunner(path, "-n", 2, "--report", report), 0)
    local page = page_of(report)
    has("No task was posted", page)
    assert.are.equal(0, svg_count(page))

    path, report = make [[
      for k = 1, 100 do prunner.task("function " .. k, function() pause(1) end) end
      function begin() for i = 1, 1000 do prunner.post_task("function " .. i % 100 + 1) end end
    ]]
    expect(helper.prunner(path, "-n", 250, "--report", report), 0)
    page = page_of(report)
    has("Each row is 3 workers.", page)
    has("all other functions", page)
    has("1–3</text>", page)
    for k = 1, 100 do has('<th scope="row" class="left">function ' .. k .. " <", page) end
  end)

  it("halves its samples instead of growing with the job, and what workers did stays true", function()
    local path, report = make([[
      function begin() prunner.post_task(work, 1) end
      function work(i) pause(100) if i < 25 then prunner.post_task(work, i + 1) end end
    ]], "json")
    expect(helper.prunner(path, "-n", 2, "--report", report), 0)
    local data = cjson.decode(helper.read(report))
    assert.is_true(data.seconds > 2.4)
    assert.is_true(#data.samples <= 400 and #data.samples > 50, #data.samples)
    local busy = 0
    for i = 2, #data.samples do
      local s = data.samples[i]
      busy = busy + (s.at - data.samples[i - 1].at) * (s.rows[1].busy + s.rows[2].busy)
    end
    -- As the runs themselves have been timed: one of the two workers at a time.
    local timed = data.busy_seconds
    assert.is_true(busy > 0.6 * timed and busy < 1.4 * timed, busy .. " of " .. timed)
  end)

  it("is written when the job is interrupted", function()
    local path, report = make([[
      function begin() for i = 1, 10 do prunner.post_task(slow) end end
      function slow() print "now" io.flush() pause(300) end
    ]])
    local process = helper.spawn_prunner(path, "-n", 1, "--report", report)
    helper.wait_until(function() return process:out() ~= "" end)
    process:kill "INT"
    expect(process:wait(), 130)
    has("Interrupted", page_of(report))
    has("tasks are left", page_of(report))
  end)

  it("is where it was asked for, though the script goes elsewhere", function()
    local path, report = make [[
      ffi.cdef "int chdir(const char *);"
      function begin() ffi.C.chdir "/" end
    ]]
    expect(helper.prunner(path, "-n", 1, "--report", "report.html", { cwd = helper.directory(report) }), 0)
    page_of(report)
  end)

  it("is there before end_ runs, and under --serial", function()
    local path, report = make [[
      function begin() prunner.post_task(print, "x") end
      function end_() print(io.open(arg[1]):read "*l") os.exit(7) end
    ]]
    expect(helper.prunner(path, report, "-n", 1, "--report", report), 7, "x\n<!DOCTYPE html>\n")
    expect(helper.prunner(path, report, "--serial", "--report", report), 7, "x\n<!DOCTYPE html>\n")
    has("<td>1</td>", page_of(report))
  end)

  it("takes the place of the old one at once, keeping its mode, and follows a link", function()
    local path, report = make "function begin() prunner.post_task(print, 1) end"
    local link = report:gsub("report", "link")
    helper.write(report, "old")
    helper.run({ "chmod", "644", report })
    helper.run({ "ln", "-s", report, link })
    expect(helper.prunner(path, "-n", 1, "--report", link), 0)
    page_of(report)
    assert.are.equal("644\n", helper.run({ "stat", "-c", "%a", report }).out)
    assert.are.equal("link.html\nreport.html\nscript.lua\n",
      helper.run({ "ls", helper.directory(report) }).out)
  end)

  it("that cannot be written is an error before the script runs; later it is said", function()
    local path = make "print 'loaded'"
    local result = expect(helper.prunner(path, "--report", "/nowhere/x.html"), 2, "")
    has('prunner: --report: "/nowhere/x.html": No such file or directory\n', result.err)
    result = expect(helper.prunner(path, "--report", "x.txt"), 2, "")
    has('--report: "x.txt" ends neither in .html (a page) nor in .json (figures for programs)', result.err)

    local report
    path, report = make [[
      function begin() os.execute("rm -r " .. arg[1]) end
      function end_() print "ended" end
    ]]
    local dir = helper.tmpdir()
    result = expect(helper.prunner(path, dir, "--report", dir .. "/r.html"), 0, "ended\n")
    has(('prunner: --report: "%s/r.html": No such file'):format(dir), result.err)
    assert.is_nil(helper.read(report))
  end)

  it("opens in a browser, in which its texts are texts", function()
    local chromium = helper.run "command -v chromium || command -v chromium-browser"
    if chromium.status ~= 0 then return pending "there is no chromium" end
    local path, report = make(eventful)
    expect(helper.prunner(path, "-n", 3, "-q", "--max-crashes", 2, "--report", report), 1)
    local dir = helper.tmpdir()
    local result
    for _ = 1, 3 do -- on a busy machine it does not always start
      result = helper.run({ chromium.out:match "%S+", "--headless=new", "--no-sandbox", "--disable-gpu",
        "--enable-logging=stderr", "--user-data-dir=" .. dir, "--virtual-time-budget=2000", "--dump-dom",
        "file://" .. report }, { env = { HOME = dir } })
      if result.status == 0 then break end
    end
    expect(result)
    assert.is_nil(result.err:find "CONSOLE")
    local page = page_of(report)
    has("How long tasks took</h2>", result.out)
    has("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;", result.out)
    assert.are.equal(svg_count(page), svg_count(result.out))
    assert.is_nil(result.out:find "<script")
  end)
end)
