--- The pictures of a report, as SVG. Colours are CSS variables: --c0 for what has none of its own,
-- --c1 .. --c7 for functions.
setfenv(1, require "prunner.globals")

local format = require "prunner.report.format"

local M = {}

M.COLOURS = 7

local WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1000, 72, 14, 8, 26
local INNER = WIDTH - LEFT - RIGHT
local HISTOGRAM = 520 -- how wide it is

local function point(v) return string.gsub(string.format("%.1f", v), "%.0$", "") end

-- A picture with a name for those who do not see it.
local function svg(width, height, name, parts)
  return string.format('<svg viewBox="0 0 %d %d" role="img" aria-label="%s"><title>%s</title>\n%s\n</svg>\n',
    width, height, format.escape(name), format.escape(name), table.concat(parts, "\n"))
end

local function text(x, y, class, s)
  return string.format('<text x="%s" y="%s" class="%s">%s</text>', point(x), point(y), class,
    format.escape(s))
end

-- 1, 2 or 5 times a power of ten, so that `span` has about `n` of them.
local function step_of(span, n)
  local power = 10 ^ math.floor(math.log10(span / n))
  for _, factor in ipairs { 1, 2, 5, 10 } do
    if power * factor * n >= span then return power * factor end
  end
end

local function short_count(n)
  for _, unit in ipairs { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } } do
    if n >= unit[1] then return (string.gsub(string.format("%.1f", n / unit[1]), "%.0$", "")) .. unit[2] end
  end
  return string.format("%g", n)
end

-- "1.50 s" is "1.5 s" at an axis.
local function short_time(s)
  return (string.gsub(string.gsub(format.seconds(s), "%.0+ ", " "), "(%.%d-)0+ ", "%1 "))
end

-- A line of time below a picture, and where it has its marks.
local function time_axis(parts, seconds, bottom)
  local step = step_of(seconds, 8)
  for i = 0, math.floor(seconds / step + 1e-9) do
    local x = LEFT + i * step / seconds * INNER
    parts[#parts + 1] = string.format('<path class="grid" d="M%s %dV%d"/>', point(x), TOP, bottom)
    parts[#parts + 1] = text(x, bottom + 17, i == 0 and "tick" or "tick middle",
      i == 0 and "0" or short_time(i * step))
  end
end

local function value_axis(parts, width, largest, bottom)
  local step = step_of(largest, 5)
  for i = 0, math.floor(largest / step + 1e-9) do
    local y = bottom - i * step / largest * (bottom - TOP)
    parts[#parts + 1] = string.format('<path class="grid" d="M%d %sH%d"/>', LEFT, point(y), width - RIGHT)
    parts[#parts + 1] = text(LEFT - 6, y + 4, "tick end", short_count(i * step))
  end
end

--- Lines over time.
-- @tparam number seconds how long
-- @tparam table lines each: colour (number), values = {{at, value}, ...}; `area`: filled below
-- @treturn string
function M.lines(name, seconds, lines)
  local height, largest = 260, 1
  local bottom = height - BOTTOM
  for _, line in ipairs(lines) do
    for _, v in ipairs(line.values) do largest = math.max(largest, v[2]) end
  end
  local parts = {}
  time_axis(parts, seconds, bottom)
  value_axis(parts, WIDTH, largest, bottom)
  for _, line in ipairs(lines) do
    local d = {}
    for i, v in ipairs(line.values) do
      d[i] = string.format("%s %s", point(LEFT + v[1] / seconds * INNER),
        point(bottom - v[2] / largest * (bottom - TOP)))
    end
    local path = "M" .. table.concat(d, "L")
    if line.area then
      parts[#parts + 1] = string.format('<path class="area" style="fill:var(--c%d)" d="%sV%dH%dZ"/>',
        line.colour, path, bottom, LEFT)
    else
      parts[#parts + 1] = string.format('<path class="line" style="stroke:var(--c%d)" d="%s"/>',
        line.colour, path)
    end
  end
  return svg(WIDTH, height, name, parts)
end

-- Rectangles of one colour are one path: {[colour] = {[level] = {"M..", ...}}}
local function add_rectangle(paths, colour, level, x, y, width, height)
  local key = colour * 10 + level
  paths[key] = paths[key] or {}
  table.insert(paths[key], string.format("M%s %sh%sv%sh-%sz", point(x), point(y), point(width), point(height),
    point(width)))
end

-- Neighbours in a row that look the same are one rectangle.
local function add_row(paths, samples, row, seconds, colour_of, y, height)
  local from, colour, level = 0, 0, 0
  local function flush(to)
    if level > 0 and to > from then
      add_rectangle(paths, colour, level, LEFT + from / seconds * INNER, y, (to - from) / seconds * INNER,
        height)
    end
  end
  local at = 0
  for _, sample in ipairs(samples) do
    local cell = sample.rows[row]
    local next_level = cell and math.ceil(cell.busy * 4 - 0.1) or 0
    local next_colour = cell and colour_of(cell.fn) or 0
    if next_level ~= level or next_colour ~= colour then
      flush(at)
      from, level, colour = at, next_level, next_colour
    end
    at = sample.at
  end
  flush(at)
end

local function row_name(row, each, workers)
  local first, last = (row - 1) * each + 1, math.min(row * each, workers)
  return first == last and tostring(first) or string.format("%d–%d", first, last)
end

--- What the workers did: a row for each of them, or for some of them together.
-- @tparam table data of the report
-- @tparam function colour_of number of a function -> of its colour
function M.workers(name, data, colour_of)
  local rows = #data.samples > 0 and #data.samples[#data.samples].rows or 0
  local each = math.max(4, math.min(18, 480 / math.max(rows, 1)))
  local bottom = TOP + rows * each
  local parts, paths = {}, {}
  time_axis(parts, data.seconds, bottom)
  for row = 1, rows do
    local y = TOP + (row - 1) * each
    add_row(paths, data.samples, row, data.seconds, colour_of, y + each * 0.08, each * 0.84)
    if (row - 1) % math.ceil(12 / each) == 0 then
      parts[#parts + 1] = text(LEFT - 6, y + each / 2 + 4, "tick end", row_name(row, data.row_workers,
        data.workers))
    end
  end
  for key, list in pairs(paths) do
    parts[#parts + 1] = string.format('<path style="fill:var(--c%d)" fill-opacity="%g" d="%s"/>',
      math.floor(key / 10), 0.25 * (key % 10), table.concat(list))
  end
  for _, death in ipairs(data.deaths) do
    local y = TOP + math.ceil(death.worker / data.row_workers) * each - each / 2
    parts[#parts + 1] = text(LEFT + death.at / data.seconds * INNER, y + 5, "death", "✕")
  end
  return svg(WIDTH, bottom + BOTTOM, name, parts)
end

-- Quarters of an octave are added up to whole ones.
local function octaves_of(times)
  local bars = {}
  for _, t in ipairs(times) do
    local octave = t.from > 0 and math.floor(math.log(t.from) / math.log(2) + 1e-9) or -23 -- 128 ns
    bars[octave] = (bars[octave] or 0) + t.count
  end
  local first, last, largest = math.huge, -math.huge, 0
  for octave, n in pairs(bars) do
    first, last, largest = math.min(first, octave), math.max(last, octave), math.max(largest, n)
  end
  return bars, first, last, largest
end

--- How many tasks took how long: a bar for each doubling.
function M.histogram(name, times, colour)
  local bars, first, last, largest = octaves_of(times)
  if largest == 0 then return "" end
  local height = 150
  local bottom, parts = height - BOTTOM, {}
  first, last = first - 1, math.max(last, first + 7) -- a few bars are not as wide as the page
  local each = (HISTOGRAM - LEFT - RIGHT) / (last - first + 1)
  value_axis(parts, HISTOGRAM, largest, bottom)
  for octave = first, last do
    local n, x = bars[octave] or 0, LEFT + (octave - first) * each
    local high = n / largest * (bottom - TOP)
    if n > 0 then
      high = math.max(high, 1)
      local title = string.format("%s to %s: %s", format.seconds(2 ^ octave),
        format.seconds(2 ^ (octave + 1)),
        format.count(n))
      parts[#parts + 1] = string.format('<rect style="fill:var(--c%d)" x="%s" y="%s" width="%s" height="%s">'
        .. '<title>%s</title></rect>', colour, point(x + each * 0.06), point(bottom - high),
        point(each * 0.88), point(high), title)
    end
    if (octave - first) % math.ceil(70 / each) == 0 then
      parts[#parts + 1] = text(x, bottom + 17, octave == first and "tick" or "tick middle",
        short_time(2 ^ octave))
    end
  end
  return svg(HISTOGRAM, height, name, parts)
end

return M
