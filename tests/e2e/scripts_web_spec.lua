--- scripts/fetch.lua and scripts/linkcheck.lua, with the real binary and a server on this machine.

local helper = require "tests.e2e.helper"
local http = require "socket.http"

local scripts = helper.root .. "/scripts/"

--- Starts a server that answers after `ms`; `env`: variables for it; `...`: see http_server.lua.
-- Returns the URL of its top.
local function serve(ms, env, ...)
  local server = helper.spawn({
    helper.interpreter, helper.root .. "/tests/e2e/http_server.lua", ms or 0, ...
  }, { env = env })
  local port = helper.wait_until(function() return server:out():match("^(%d+)\n") end)
  if not port then error("the server did not start: " .. server:err()) end
  return (... and "https" or "http") .. "://127.0.0.1:" .. port
end

--- How many requests the server had, and the most at the same time.
local function stats(top)
  local requests, most = assert(http.request(top .. "/stats")):match("^(%d+) (%d+)$")
  return tonumber(requests), tonumber(most)
end

describe("fetch.lua", function()
  after_each(helper.cleanup)

  local script = scripts .. "fetch.lua"

  local function last_line(text)
    return text:match("([^\n]*)\n$")
  end

  it("fetches 1,000 URLs, a hundred at a time", function()
    local top = serve(50)
    local urls, bytes = {}, 0
    for i = 1, 1000 do
      urls[i] = ("%s/ok/%d\n"):format(top, i)
      bytes = bytes + #("hello \n") + #tostring(i)
    end
    local result = helper.prunner(script, "-n", 100, { stdin = table.concat(urls) })
    helper.expect(result)
    assert.are.equal(("1000 URLs: 1000 fetched, 0 failed, %d bytes"):format(bytes),
      last_line(result.out))
    local seen, lines = {}, 0
    for line in result.out:gmatch("[^\n]+") do
      local status, size, i = line:match("^(%d+) +(%d+) +%d+%.%d%d%d http://[^/]+/ok/(%d+)$")
      if status then
        assert.are.equal("200", status)
        assert.are.equal(#("hello \n") + #i, tonumber(size))
        assert.is_nil(seen[i])
        seen[i] = true
        lines = lines + 1
      end
    end
    assert.are.equal(1000, lines)
    local requests, most = stats(top)
    assert.are.equal(1000, requests)
    assert.is_true(most > 10 and most <= 100, "at the same time: " .. most)
  end)

  it("fetches 300 URLs, all at a time in two processes", function()
    local top = serve() -- it answers nobody before all have asked
    local list = {}
    for i = 1, 300 do list[i] = ("%s/all/300/%d"):format(top, i) end
    local result = helper.prunner(script, "-n", 2, "-c", 200, { stdin = table.concat(list, "\n") })
    helper.expect(result)
    assert.has_match("300 URLs: 300 fetched, 0 failed", last_line(result.out), 1, true)
  end)

  it("reads files named as arguments, with comments and empty lines", function()
    local top = serve()
    local dir = helper.tmpdir()
    local list = "# a list\n\n  %s/bytes/100000  \n%s/moved/there\n"
    helper.write(dir .. "/a", list:format(top, top))
    helper.write(dir .. "/b", ("%s/bytes/0\r\n%s/bytes/0"):format(top, top))
    for _, n in ipairs { 1, 3, 10 } do
      local result = helper.prunner(script, "-n", n, "--", dir .. "/a", dir .. "/b")
      helper.expect(result)
      assert.are.equal("4 URLs: 4 fetched, 0 failed, 100012 bytes", last_line(result.out))
    end
  end)

  for _, c in ipairs { 1, 4 } do it("lists what failed, each with its reason, -c " .. c, function()
    local top = serve()
    local list = {
      top .. "/ok/1", top .. "/status/404", top .. "/status/500", top .. "/drop", top .. "/hang",
      "http://127.0.0.1:1/", "ftp://127.0.0.1/", "nonsense", top .. "/ok/2",
    }
    local result = helper.prunner(script, "-n", c == 1 and 4 or 2, "-c", c, "--wait", 0.3,
      { stdin = table.concat(list, "\n") })
    helper.expect(result, 1)
    local failed = result.out:match("\n(failed .*)$")
    assert.are.equal(([[
failed TOP/status/404: HTTP 404
failed TOP/status/500: HTTP 500
failed TOP/drop: closed
failed TOP/hang: timeout
failed http://127.0.0.1:1/: connection refused
failed ftp://127.0.0.1/: not an http URL
failed nonsense: not an http URL
9 URLs: 2 fetched, 7 failed, 16 bytes
]]):gsub("TOP", top), failed)
    assert.has_match("/status/404: HTTP 404", result.err, 1, true)
  end) end

  it("repeats what failed if told so", function()
    local top = serve()
    local stdin = ("%s/flaky/a/2\n%s/flaky/b/1\n%s/ok/c\n"):format(top, top, top)
    local result = helper.prunner(script, "-n", 2, "--retries", 2, { stdin = stdin })
    helper.expect(result)
    assert.are.equal("3 URLs: 3 fetched, 0 failed, 24 bytes", last_line(result.out))
    assert.are.equal(6, (stats(top)))

    stdin = ("%s/flaky/d/2\n"):format(top)
    result = helper.expect(helper.prunner(script, "-n", 2, "--retries", 1, { stdin = stdin }), 1)
    assert.has_match("/flaky/d/2: HTTP 503\n1 URLs: 0 fetched, 1 failed, 0 bytes\n", result.out, 1,
      true)
  end)

  it("lists an URL whose task was ended by --timeout", function()
    local top = serve()
    local stdin = ("%s/hang\n%s/ok/1\n"):format(top, top)
    for _, c in ipairs { 1, 10 } do
      local result = helper.prunner(script, "-n", 2, "-c", c, "--timeout", 1, { stdin = stdin })
      helper.expect(result, 1)
      assert.has_match("/hang: its task was ended", result.out, 1, true)
      assert.are.equal("2 URLs: 1 fetched, 1 failed, 8 bytes", last_line(result.out))
    end
  end)

  it("has nothing to do for an empty list, and says so if a list is missing", function()
    helper.expect(helper.prunner(script, "-n", 2), 0, "0 URLs: 0 fetched, 0 failed, 0 bytes\n")
    local result = helper.expect(helper.prunner(script, "-n", 2, "--", "/missing"), 2, "")
    assert.has_match("fetch: cannot open /missing: No such file", result.err, 1, true)
  end)
end)

describe("linkcheck.lua", function()
  after_each(helper.cleanup)

  local script = scripts .. "linkcheck.lua"

  --- A directory with these pages, for the server.
  local function site(pages)
    local dir = helper.tmpdir()
    for name, text in pairs(pages) do helper.write(dir .. "/" .. name, text) end
    return { HTTP_PAGES = dir }
  end

  --- The reports in an order that does not depend on the servers' ports.
  local function sorted(text)
    local list = {}
    for report in text:gsub("\n(%w)", "\n\0%1"):gmatch("%Z+") do list[#list + 1] = report end
    table.sort(list)
    return table.concat(list)
  end

  it("finds the broken links of a site, and says where they are", function()
    local other = serve()
    local top = serve(0, site {
      index = ([[
        <a href="two.html">two</a> <A class=x HREF='missing#part'>missing</A> <a href="mailto:a@b">a</a>
        <img src=" /ok/picture.png "> <!-- <a href="/status/500"> --> <a href="#here">
        <a href="OTHER/ok/page"> <a href="OTHER/status/410"> <a href="HTTP://127.0.0.1:1/">]]):gsub("OTHER", other),
      ["two.html"] = [[
        <a href="index#top">up</a> <a href="./missing">m</a>
        <a href="/moved/there?a=1&amp;b=2"> <a href="/hang"> <a href="/drop"> <a href="/status/503">]],
    })
    for _, c in ipairs { 1, 20 } do
      local requests = stats(top)
      local result = helper.prunner(script, "-n", 2, "-c", c, "--wait", 0.5, "--", top .. "/pages/index")
      helper.expect(result, 1)
      assert.are.equal([[
12 links: 6 fine, 6 broken; 3 pages with links
broken OTHER/status/410: HTTP 410
  on TOP/pages/index
broken TOP/drop: closed
  on TOP/pages/two.html
broken TOP/hang: timeout
  on TOP/pages/two.html
broken TOP/pages/missing: HTTP 404
  on TOP/pages/index
  on TOP/pages/two.html
broken TOP/status/503: HTTP 503
  on TOP/pages/two.html
broken http://127.0.0.1:1/: connection refused
  on TOP/pages/index
]], sorted(result.out:gsub(other, "OTHER"):gsub(top, "TOP")))
      assert.are.equal(9, stats(top) - requests) -- each once
    end
  end)

  it("is polite, and waits for many at a time", function()
    local pages, links = {}, {}
    for i = 1, 60 do
      links[i] = ("<a href='%d'>"):format(i)
      pages[tostring(i)] = "<a href='index'>"
    end
    pages.index = table.concat(links)
    for at_once, least in pairs { [5] = 2, [1000] = 30 } do
      local top = serve(200, site(pages))
      local result = helper.prunner(script, "-n", 1, "-c", 100, "--at-once", at_once, "--", top .. "/pages/index")
      helper.expect(result, 0, "61 links: 61 fine, 0 broken; 61 pages with links\n")
      local requests, most = stats(top)
      assert.are.equal(61, requests)
      assert(most >= least and most <= at_once, "at the same time: " .. most)
    end
  end)

  it("checks the certificates of https", function()
    local own, key = helper.certificate()
    local top = serve(0, site { index = "<a href='two'>", two = "<a href='/status/404'>" }, own, key)
    local result = helper.prunner(script, "-c", 20, "--cafile", own, "--", top .. "/pages/index")
    helper.expect(result, 1, (([[
broken TOP/status/404: HTTP 404
  on TOP/pages/two
3 links: 2 fine, 1 broken; 2 pages with links
]]):gsub("TOP", top)))
    result = helper.prunner(script, "-c", 20, "--cafile", (helper.certificate()), "--", top .. "/pages/index")
    helper.expect(result, 1, (([[
broken TOP/pages/index: certificate verify failed
1 links: 0 fine, 1 broken; 0 pages with links
]]):gsub("TOP", top)))
  end)

  it("repeats what failed if told so, and refuses what is no URL", function()
    local top = serve(0, site { index = "<a href='/flaky/a/2'>" })
    helper.expect(helper.prunner(script, "-n", 2, "-c", 20, "--retries", 2, "--", top .. "/pages/index"), 0,
      "2 links: 2 fine, 0 broken; 1 pages with links\n")
    local result = helper.expect(helper.prunner(script, "--", "ftp://127.0.0.1/"), 2, "")
    assert.has_match("not an URL of http or https: ftp://127.0.0.1/", result.err, 1, true)
  end)
end)
