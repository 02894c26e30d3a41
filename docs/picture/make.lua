--- Makes docs/progress.png, the picture of README.md, out of a real run of crawl.lua: the terminal when
-- half of the tasks are done, and the top of the report. Run by `make picture`.
--
-- Needs tmux, chromium and pngquant. Usage: luajit docs/picture/make.lua PRUNNER OUT.png

package.path = "./?.lua;" .. package.path
local helper = require "tests.e2e.helper"
local terminal = require "tests.e2e.terminal"

local WIDTH, REPORT_HEIGHT, LINE_HEIGHT = 1000, 770, 19
local COLUMNS, ROWS = 112, 30
local PART = 50 -- percent of the tasks: when the first picture is taken

local STYLE = [[
  body { margin: 0; background: #fff; width: %dpx; }
  pre { margin: 0; padding: 14px 18px; background: #1b1e24; color: #d6d9df; border-radius: 6px;
    font: 14px/%dpx "DejaVu Sans Mono", monospace; }
  pre .prompt { color: #7f8794 } pre b, pre .bold { color: #fff; font-weight: bold }
  .dim { opacity: .65 }
  .c31 { color: #ff7b72 } .c32 { color: #7ee787 } .c33 { color: #e3b341 } .c36 { color: #76e3ea }
  iframe { border: 1px solid #d0d4da; border-radius: 6px; margin-top: 12px; width: 1328px; height: %dpx;
    zoom: .75; }
]]

-- A line of a terminal, with its escape sequences for colours, as HTML.
local function html_of(line)
  local out, open = {}, false
  line = line:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
  for text, codes in (line .. "\27[0m"):gmatch "(.-)\27%[([%d;]*)m" do
    out[#out + 1] = text
    if open then out[#out + 1] = "</span>" end
    open = false
    local classes = {}
    for code in codes:gmatch "%d+" do
      if code == "1" then classes[#classes + 1] = "bold" end
      if code == "2" then classes[#classes + 1] = "dim" end
      if code:find "^3[1-6]$" then classes[#classes + 1] = "c" .. code end
    end
    if #classes > 0 then
      open = true
      out[#out + 1] = '<span class="' .. table.concat(classes, " ") .. '">'
    end
  end
  return table.concat(out)
end

local function terminal_html(command, screen)
  local lines = { '<span class="prompt">$</span> <b>' .. command .. "</b>" }
  for line in screen:gmatch "([^\n]*)\n" do lines[#lines + 1] = html_of(line) end
  return "<pre>" .. table.concat(lines, "\n") .. "</pre>", #lines
end

local function run(words)
  local result = helper.run(words)
  if result.status ~= 0 then error(table.concat(words, " ") .. ":\n" .. result.err, 0) end
end

local function main(prunner, out)
  local dir = helper.tmpdir()
  local command = "prunner crawl.lua -n 8 --report report.html"
  local shell = terminal.open(("cp docs/picture/crawl.lua %s; cd %s; %s"):format(dir, dir,
    command:gsub("^prunner", helper.quote(prunner))), { width = COLUMNS, height = ROWS })
  local screen
  shell:wait_for(function(plain)
    screen = shell:screen(true)
    return plain:find "eta 0:0" and (tonumber(plain:match "%((%d+)%%%)") or 0) >= PART
  end, 60)
  shell:wait_for("[exit 1]", 120) -- a page was not found
  local page, lines = terminal_html(command, screen)
  local top = lines * LINE_HEIGHT + 28
  helper.write(dir .. "/page.html", ('<!doctype html><meta charset="utf-8"><style>%s</style>%s'
    .. '<iframe src="report.html" scrolling="no"></iframe>'):format(
    STYLE:format(WIDTH, LINE_HEIGHT, REPORT_HEIGHT / .75), page))
  run { "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--user-data-dir=" .. dir, "--screenshot=" .. dir .. "/page.png",
    ("--window-size=%d,%d"):format(WIDTH, top + 12 + REPORT_HEIGHT),
    "file://" .. dir .. "/page.html" }
  run { "pngquant", "--force", "--strip", "--speed", "1", "--output", out, "64", dir .. "/page.png" }
end

local ok, problem = xpcall(main, debug.traceback, arg[1], arg[2])
terminal.cleanup()
helper.cleanup()
if not ok then
  io.stderr:write(problem, "\n")
  os.exit(1)
end
