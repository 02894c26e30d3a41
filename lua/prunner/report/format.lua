--- How a report writes numbers, times and texts.
setfenv(1, require "prunner.globals")

local M = {}

-- Bytes of the characters that begin with a byte from .. to .
local FOLLOWING = { { 0xC2, 0xDF, 1 }, { 0xE0, 0xEF, 2 }, { 0xF0, 0xF4, 3 } }

-- The length of the character at `i`, or nil: it is none (RFC 3629).
local function character_at(s, i)
  local first, second = string.byte(s, i, i + 1)
  if first < 0x80 then return 1 end
  for _, range in ipairs(FOLLOWING) do
    local from, to, n = unpack(range)
    if first >= from and first <= to then
      if not string.find(s, "^" .. string.rep("[\128-\191]", n), i + 1) then return nil end
      local overlong = first == 0xE0 and second < 0xA0 or first == 0xF0 and second < 0x90
      local beyond = first == 0xED and second > 0x9F or first == 0xF4 and second > 0x8F
      return not overlong and not beyond and n + 1 or nil
    end
  end
end

--- Text of any bytes as UTF-8: what is none becomes \xff, and so do control characters other than
-- line ends and tabs.
function M.clean(s)
  if not string.find(s, "[%z\1-\8\11-\31\127-\255]") then return s end
  local out, i = {}, 1
  while i <= #s do
    local n = character_at(s, i)
    local byte = string.byte(s, i)
    if not n or (byte < 32 and byte ~= 9 and byte ~= 10) or byte == 127 then
      out[#out + 1], n = string.format("\\x%02x", byte), 1
    else
      out[#out + 1] = string.sub(s, i, i + n - 1)
    end
    i = i + n
  end
  return table.concat(out)
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text for HTML, in elements and in quoted attributes.
function M.escape(s)
  return (string.gsub(M.clean(tostring(s)), "[&<>\"']", ENTITIES))
end

--- 1234567 -> "1,234,567"
function M.count(n)
  local digits = string.format("%.0f", n)
  local head, rest = string.match(digits, "^(%d%d?%d?)(.*)$")
  while #rest % 3 ~= 0 do
    head, rest = string.sub(digits, 1, #head - 1), string.sub(digits, #head)
  end
  return head .. string.gsub(rest, "%d%d%d", ",%0")
end

local UNITS = { { 1e-6, 1e9, "ns" }, { 1e-3, 1e6, "µs" }, { 1, 1e3, "ms" } }

--- How long something took: "850 ns", "12 µs", "3.4 ms", "1.20 s", "2:05", "1:02:03".
function M.seconds(s)
  if s <= 0 then return "0 s" end
  for _, unit in ipairs(UNITS) do
    local below, factor, name = unpack(unit)
    if s < below then
      local v = s * factor
      return string.format(v < 10 and factor < 1e9 and "%.1f %s" or "%.0f %s", v, name)
    end
  end
  if s < 60 then return string.format(s < 10 and "%.2f s" or "%.1f s", s) end
  local minutes = math.floor(s / 60)
  if minutes < 60 then return string.format("%d:%02d", minutes, s % 60) end
  return string.format("%d:%02d:%02d", math.floor(minutes / 60), minutes % 60, s % 60)
end

--- "12.3 MiB"
function M.bytes(n)
  local unit = 1
  local units = { "B", "KiB", "MiB", "GiB", "TiB" }
  while n >= 1024 and unit < #units do n, unit = n / 1024, unit + 1 end
  return string.format((unit == 1 or n >= 100) and "%.0f %s" or "%.1f %s", n, units[unit])
end

function M.percent(share)
  return string.format("%.0f %%", share * 100)
end

--- 1 of something, or more.
function M.plural(n, one, many)
  return M.count(n) .. " " .. (n == 1 and one or many)
end

return M
