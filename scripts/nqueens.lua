--- Counts the ways to place N queens on a board of N x N squares so that none attacks another, to
-- show CPU-bound work that splits itself into tasks.
--
--   prunner scripts/nqueens.lua               724
--   prunner scripts/nqueens.lua -- 12         14200
--   prunner scripts/nqueens.lua -- 14 2       365596, split after 2 rows instead of 3
--
-- A task of the first `depth` rows posts a task for each free square of its row. A task below them
-- counts by itself. It takes about a millisecond: short enough to keep all workers busy to the end,
-- and long enough to hide the cost of a task.

local bit = require "bit"
local prunner = require "prunner"

local band, bor, bnot, lshift, rshift = bit.band, bit.bor, bit.bnot, bit.lshift, bit.rshift

-- Read while the script loads: every worker has them, so they need not be arguments of tasks.
local n = tonumber(arg[1] or 10)
local depth = tonumber(arg[2] or 3)
if not n or n < 1 or n > 30 or n % 1 ~= 0 or not depth or depth < 0 then
  error("usage: prunner nqueens.lua [-- N [DEPTH]], N from 1 to 30", 0)
end

local full = 2 ^ n - 1 -- one bit for each column of the board

-- An accumulator: every worker adds to a cell of its own when a task is done, so no lock is needed.
local solutions = prunner.counter("solutions")

--- The squares of a row that no queen above attacks, as bits. `columns` are those taken; `left` and
-- `right` the diagonals, which move by one column from row to row.
local function free_squares(columns, left, right)
  return band(full, bnot(bor(columns, left, right)))
end

-- Boards to come back to: their columns, left, right and free squares, one board after the other.
local stack = {}
for i = 1, 4 * 31 do stack[i] = 0 end

--- Counts the ways to fill the rest of the board. A loop, where recursion would be shorter: LuaJIT
-- compiles loops the same way each time, recursion now and then in a way that is three times slower.
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

--- A task: rows 0 .. row-1 have their queens.
local function place(row, columns, left, right)
  if row >= depth or row == n then
    solutions:add(count(columns, left, right))
    return
  end
  local free = free_squares(columns, left, right)
  while free ~= 0 do
    local queen = band(free, -free)
    free = free - queen
    prunner.post_task(place, row + 1, bor(columns, queen),
      band(full, lshift(bor(left, queen), 1)), rshift(bor(right, queen), 1))
  end
end

function begin()
  prunner.post_task(place, 0, 0, 0, 0)
end

function end_()
  print(solutions:get())
end
