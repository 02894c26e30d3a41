--- Results as a picture: a panel of bars for each item, as SVG.
--
-- A bar is a median, the line through its end the least and the most. Panels whose bars differ by
-- more than a factor of 30 have a logarithmic scale, and say so.

local report = require "report"
local statistics = require "statistics"

local plot = {}

local LABEL, BAR, VALUE = 300, 460, 140 -- columns, in pixels
local ROW, HEAD, GAP = 18, 26, 22
local LOGARITHMIC = 30

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

--- A function from values to pixels.
local function scale(least, most)
  if most / least <= LOGARITHMIC then
    return function(x) return x / most * BAR end
  end
  local low = math.log(least / 2)
  return function(x) return math.max(0, (math.log(x) - low) / (math.log(most) - low)) * BAR end, true
end

local function panel(draw, item, y)
  local programs, least, most = {}, math.huge, 0
  for _, program in ipairs(item.programs) do
    if program.values then
      local s = statistics.summary(program.values)
      programs[#programs + 1] = { label = program.label, s = s }
      least, most = math.min(least, s.min), math.max(most, s.max)
    end
  end
  if #programs == 0 or least <= 0 then return y end

  local place, logarithmic = scale(least, most)
  draw('<text x="0" y="%d" class="head">%s</text>', y + 12, escape(item.title))
  y = y + HEAD
  draw('<text x="%d" y="%d">%s, %s is better%s</text>', LABEL, y, item.unit, item.better,
    logarithmic and ", logarithmic" or "")
  y = y + 6
  for _, program in ipairs(programs) do
    local s, middle = program.s, y + ROW / 2
    draw('<text x="%d" y="%d" text-anchor="end">%s</text>', LABEL - 8, middle + 4, escape(program.label))
    draw('<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>', LABEL, y + 3, place(s.median),
      ROW - 6, program.label:find("^prunner") and "ours" or "theirs")
    draw('<path d="M%.1f %dH%.1f"/>', LABEL + place(s.min), middle, LABEL + place(s.max))
    draw('<text x="%.1f" y="%d">%s</text>', LABEL + place(s.max) + 6, middle + 4, report.number(s.median))
    y = y + ROW
  end
  return y + GAP
end

--- The picture of a list of items with their values.
function plot.svg(items)
  local lines, y = {}, 10
  local function draw(...) lines[#lines + 1] = (...):format(select(2, ...)) end
  for _, item in ipairs(items) do y = panel(draw, item, y) end
  local head = ([[
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<style>.head { font-weight: bold; font-size: 13px } .ours { fill: #c0504d } .theirs { fill: #8aa2c0 }
path { stroke: #222; fill: none }</style>
<rect width="100%%" height="100%%" fill="white"/>
]]):format(LABEL + BAR + VALUE, y)
  return head .. table.concat(lines, "\n") .. "\n</svg>\n"
end

return plot
