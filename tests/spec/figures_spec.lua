--- Pages quote figures of bench/figures.lua only, and those are in bench/results/tables.md.

package.path = "bench/?.lua;" .. package.path
local figures = require "figures"
local helper = require "tests.e2e.helper"

local function read(path)
  return assert(helper.read(helper.root .. "/" .. path), path)
end

--- The columns of a row of the tables.
local function row_of(tables, item, row)
  local _, first = tables:find("\n`" .. item .. "`", 1, true)
  assert(first, item .. ": no such table")
  local section = tables:sub(first, (tables:find("\n## ", first, true) or 0) - 1)
  for line in section:gmatch "[^\n]+" do
    local columns = {}
    for column in line:gmatch "|([^|]*)" do columns[#columns + 1] = column:match "^%s*(.-)%s*$" end
    if columns[1] == row then return columns end
  end
  error(("%s has no row %q"):format(item, row))
end

local function number_of(text)
  return tonumber((text:gsub(",", ""):match "^[%d.]+"))
end

--- Is `quoted` what `measured` is when it is rounded to as many digits?
local function fits(quoted, measured)
  local text = quoted:gsub(",", ""):match "^[%d.]+"
  local digits = text:gsub("%.", ""):gsub("0+$", "")
  local unit = number_of(quoted) / tonumber(digits)
  return math.abs(measured - number_of(quoted)) <= 0.5 * unit + 1e-9
end

describe("bench/figures.lua", function()
  local tables = "\n" .. read "bench/results/tables.md"

  it("has the figures of the tables", function()
    for _, figure in ipairs(figures) do
      assert(figure.item or figure.measured, figure.what)
      if figure.item then
        local columns = row_of(tables, figure.item, figure.row)
        local measured = number_of(columns[1 + (figure.column or 1)])
        measured = figure.from and figure.from(measured) or measured
        assert(fits(figure.quoted, measured),
          ("%s: quoted as %s, measured: %g"):format(figure.what, figure.quoted, measured))
      end
    end
  end)

  it("rounds as people do", function()
    assert.is_true(fits("80 ns", 80.1) and fits("80 ns", 84.9) and fits("2.3 times", 2.32) and fits("560", 559))
    assert.is_false(fits("80 ns", 86) or fits("2.3 times", 2.36) or fits("22,000,000", 22600000) or fits("57 ns", 58))
  end)

  -- What a page says of speed: the ns of something, a ratio to a peer, the last row of README's table.
  local KINDS = { "%f[%d][%d,.]+ ns%f[%A]", "%f[%d]%d+%.%d+ times%f[%A]" }

  local function quotes_of(page)
    local list, text = {}, read(page):gsub("```.-```", "")
    for line in text:gmatch "[^\n]+" do
      for _, kind in ipairs(KINDS) do
        for quote in line:gmatch(kind) do list[#list + 1] = quote end
      end
      if line:find "^| tasks per second" then
        for quote in line:gmatch "%d[%d,]+" do list[#list + 1] = quote end
      end
      if line:find "[Aa] waiting task takes" then
        list[#list + 1] = line:match "%d+ to" or "nothing"
        list[#list + 1] = line:match "%d+ bytes" or "nothing"
      end
    end
    return list
  end

  it("has every figure of the pages, and nothing else", function()
    local known, seen = {}, {}
    for _, figure in ipairs(figures) do known[figure.quoted] = true end
    local pages = helper.lines_of("cd " .. helper.quote(helper.root) .. " && ls README.md docs/*.md")
    for _, page in ipairs(pages) do
      if page ~= "docs/benchmarks.md" then
        for _, quote in ipairs(quotes_of(page)) do
          seen[quote] = true
          assert(known[quote], ("%s: %q is not in bench/figures.lua"):format(page, quote))
        end
      end
    end
    for _, figure in ipairs(figures) do assert(seen[figure.quoted], figure.quoted .. ": no page quotes it") end
  end)

  it("is what speed.md says of a small task, too", function()
    assert.is_truthy(read("docs/internals/speed.md"):find("takes " .. figures[1].quoted, 1, true))
  end)
end)
