--- Seeded bugs: each file in tests/crash/mutants undoes one decision of the engine, in a copy.
-- Usage: luajit tests/crash/mutate.lua NAME DIR
-- writes the changed files below DIR (with their paths), and prints whom to ask and what is wrong.
--
--   bug: what is wrong, in one line
--   ask: step:claim=
--
--   file: engine/task/task.c
--    a line that stays
--   -a line that goes
--   +a line that comes
--
-- `ask` is the tool that notices it soonest, only to be quick: step, nested or sim, the first two with
-- scenarios (step:claim=), or spin with a model (spin:idle), in which the bug is the switch PRN_BUG_NAME.
-- Each `file` begins a hunk; a mutant may have several, of one file or of more. There are no line
-- numbers: the lines that stay and those that go must be in the file together, and only once. So a
-- mutant that does not fit the sources any more is an error, never a mutant that changes nothing.
-- Empty lines mean nothing. Headers can be changed in engine/ only: the copy of those in tests/crash
-- would not be found by the sources beside them.

local M = {}

--- Whom a mutant may ask; and whether it must say more than the tool's name.
local TOOLS = { step = true, nested = true, sim = false, spin = true }

local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read "*a"
  file:close()
  return text
end

--- Finds `part` in `text` as whole lines. Returns where it begins and ends if it is there once.
local function find_once(text, part)
  local from, to = ("\n" .. text):find("\n" .. part, 1, true)
  if not from then return nil, "is not there" end
  if ("\n" .. text):find("\n" .. part, from + 1, true) then return nil, "is there more than once" end
  return from, to - 1
end

--- Reads a mutant.
-- @tparam string text what its file says
-- @treturn[1] table a list of hunks `{ file, old, new }`, with `bug` and `ask`, and the two parts of `ask`:
-- `tool`, and `word`, which may be empty
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
function M.parse(text)
  local mutant, hunk = {}, nil
  for line in text:gmatch "[^\n]+" do
    local mark, rest = line:sub(1, 1), line:sub(2) .. "\n"
    local key, value = line:match "^(%l+): (.+)$"
    if key == "file" then
      hunk = { file = value, old = "", new = "" }
      mutant[#mutant + 1] = hunk
    elseif not hunk and (key == "bug" or key == "ask") then
      mutant[key] = value
    elseif hunk and mark:find "[-+ ]" then
      if mark ~= "+" then hunk.old = hunk.old .. rest end
      if mark ~= "-" then hunk.new = hunk.new .. rest end
    else
      return nil, "cannot be understood: " .. line
    end
  end
  if not hunk or not mutant.bug then return nil, "it does not say what is wrong and where" end
  mutant.tool, mutant.word = (mutant.ask or ""):match "^(%l+):?(%S*)$"
  if TOOLS[mutant.tool] ~= (mutant.word ~= "") then return nil, "whom does it ask?" end
  return mutant
end

--- Applies a mutant to the sources below `root`.
-- @treturn[1] table the changed files: path to text
-- @treturn[2] nil
-- @treturn[2] string which hunk does not fit
function M.apply(mutant, root)
  local changed = {}
  for i, hunk in ipairs(mutant) do
    local text, problem = changed[hunk.file], nil
    if not text then text, problem = read(root .. "/" .. hunk.file) end
    if not text then return nil, problem end
    local from, to = find_once(text, hunk.old)
    if hunk.old == "" or hunk.old == hunk.new then from, to = nil, "changes nothing" end
    if hunk.file:find "^tests/.*%.h$" then from, to = nil, "is for a header of the tests" end
    if not from then return nil, ("hunk %d, for %s, %s:\n%s"):format(i, hunk.file, to, hunk.old) end
    changed[hunk.file] = text:sub(1, from - 1) .. hunk.new .. text:sub(to + 1)
  end
  return changed
end

--- Reads the mutant called `name` and applies it.
-- @treturn[1] table the mutant
-- @treturn[1] table the changed files
-- @treturn[2] nil
-- @treturn[2] string message
function M.make(root, name)
  local text, problem = read(root .. "/tests/crash/mutants/" .. name)
  local mutant, changed
  if text then mutant, problem = M.parse(text) end
  if mutant then changed, problem = M.apply(mutant, root) end
  if not changed then return nil, "mutant " .. name .. ": " .. problem end
  return mutant, changed
end

local function main(name, dir)
  local mutant, changed = M.make(".", name)
  if not mutant then
    io.stderr:write(changed, "\n")
    os.exit(1)
  end
  for path, text in pairs(changed) do
    local copy = dir .. "/" .. path
    assert(os.execute("mkdir -p '" .. copy:match "(.*)/" .. "'") == 0)
    local file = assert(io.open(copy, "wb"))
    assert(file:write(text))
    assert(file:close())
  end
  print(mutant.ask .. " " .. mutant.bug)
end

if arg and arg[0]:find "mutate%.lua$" then main(arg[1], arg[2]) end

return M
