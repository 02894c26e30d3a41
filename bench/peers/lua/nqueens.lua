--- N queens in plain LuaJIT: the algorithm of scripts/nqueens.lua without prunner.
--
--   luajit bench/peers/lua/nqueens.lua 12      14200
--
-- It splits the board as the script does. One call from the first row on is compiled into other
-- traces, which take 2 to 5 % less time: that is not what is to be compared here.

local bit = require "bit"

local band, bor, bnot, lshift, rshift = bit.band, bit.bor, bit.bnot, bit.lshift, bit.rshift

local n = tonumber(arg[1] or 10)
local depth = tonumber(arg[2] or 3)
local full = 2 ^ n - 1 -- one bit for each column of the board
local solutions = 0

local function free_squares(columns, left, right)
  return band(full, bnot(bor(columns, left, right)))
end

-- Boards to come back to: their columns, left, right and free squares, one board after the other.
local stack = {}
for i = 1, 4 * 31 do stack[i] = 0 end

local function count(columns, left, right)
  local found, top = 0, 0
  local free = free_squares(columns, left, right)
  if free == 0 then return columns == full and 1 or 0 end
  while true do
    local queen = band(free, -free) -- the lowest free square
    free = free - queen
    local c, l, r = bor(columns, queen), lshift(bor(left, queen), 1), rshift(bor(right, queen), 1)
    local below = free_squares(c, l, r)
    if below ~= 0 then
      if free ~= 0 then
        stack[top + 1], stack[top + 2], stack[top + 3], stack[top + 4] = columns, left, right, free
        top = top + 4
      end
      columns, left, right, free = c, l, r, below
    else
      if c == full then found = found + 1 end
      if free == 0 then
        if top == 0 then return found end
        top = top - 4
        columns, left, right, free = stack[top + 1], stack[top + 2], stack[top + 3], stack[top + 4]
      end
    end
  end
end

-- Tasks that wait, first in, first out.
local queue, first = {}, 1

local function place(row, columns, left, right)
  if row >= depth or row == n then
    solutions = solutions + count(columns, left, right)
    return
  end
  local free = free_squares(columns, left, right)
  while free ~= 0 do
    local queen = band(free, -free)
    free = free - queen
    queue[#queue + 1] = { row + 1, bor(columns, queen), band(full, lshift(bor(left, queen), 1)),
      rshift(bor(right, queen), 1) }
  end
end

place(0, 0, 0, 0)
while queue[first] do
  place(unpack(queue[first]))
  first = first + 1
end
print(solutions)
