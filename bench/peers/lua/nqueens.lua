--- N queens in plain LuaJIT: the algorithm of scripts/nqueens.lua without prunner.
--
--   luajit bench/peers/lua/nqueens.lua 12      14200

local bit = require "bit"

local band, bor, bnot, lshift, rshift = bit.band, bit.bor, bit.bnot, bit.lshift, bit.rshift

local n = tonumber(arg[1] or 10)
local full = 2 ^ n - 1 -- one bit for each column of the board

local function free_squares(columns, left, right)
  return band(full, bnot(bor(columns, left, right)))
end

local function count(columns, left, right)
  if columns == full then return 1 end
  local found = 0
  local free = free_squares(columns, left, right)
  while free ~= 0 do
    local queen = band(free, -free) -- the lowest free square
    free = free - queen
    found = found
      + count(bor(columns, queen), lshift(bor(left, queen), 1), rshift(bor(right, queen), 1))
  end
  return found
end

print(count(0, 0, 0))
