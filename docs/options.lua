--- Writes what docs/prunner.1 and docs/running.md say of prunner's options from its own table of
-- them (engine/job/options.c), between the lines that name
-- `make options-docs` and the end of options:
--
--   prunner docs/options.lua               in the root of the sources: `make options-docs`
--   prunner docs/options.lua -- --check    says what is not up to date, and fails
--
-- The manual page is where an option is described at length, so its paragraphs are written by hand
-- and stay; which there are, under which headings and in which order, comes from the table. The
-- guide's list is the table's.
local core = require "prunner.core"

local MANUAL, GUIDE = "docs/prunner.1", "docs/running.md"

-- ---- the manual page ----

--- The sections as they are: by option its paragraph, by heading what stands above the list.
local function manual_texts(section)
  local paragraphs, intros = {}, {}
  local into, key
  for line in section:gmatch "[^\n]*\n" do
    local heading, option = line:match "^%.Ss (.*)\n", line:match "^%.It .*Fl %-([%l-]+)"
    if heading then
      into, key = intros, heading
    elseif option then
      into, key = paragraphs, option
    elseif line:find "^%.El" then
      into = nil
    elseif into and not line:find "^%.Bl" then
      into[key] = (into[key] or "") .. line
    end
  end
  return paragraphs, intros
end

--- The line over an option's paragraph: `.It Fl n Ar n , Fl -nprocess Ar n`.
local function manual_heading(row)
  local value = row.value and " Ar " .. row.value:lower() or ""
  local given = not row.value and row.example and row.example:match "=(.*)"
  if given then value = " Ns Op = Ns Cm " .. given end
  local letter = row.letter and ("Fl %s%s , "):format(row.letter, value) or ""
  return (".It %sFl -%s%s\n"):format(letter, row.name, value)
end

local function manual_section(old, rows, say)
  local paragraphs, intros = manual_texts(old)
  local out, group = {}, nil
  for _, row in ipairs(rows) do
    if row.group ~= group then
      if group then out[#out + 1] = ".El\n" end
      group = row.group
      out[#out + 1] = (".Ss %s\n%s.Bl -tag -width Ds\n"):format(group, intros[group] or "")
      intros[group] = nil
    end
    if not paragraphs[row.name] then say(MANUAL .. ": please describe --" .. row.name .. " at length") end
    out[#out + 1] = manual_heading(row)
    out[#out + 1] = paragraphs[row.name] or row.help:gsub("^%l", string.upper) .. ".\n"
    paragraphs[row.name] = nil
  end
  for name in pairs(paragraphs) do say(("%s: there is no option --%s"):format(MANUAL, name)) end
  for heading in pairs(intros) do say(('%s: there is no group "%s"'):format(MANUAL, heading)) end
  return table.concat(out) .. ".El\n"
end

-- ---- the guide ----

local function guide_cell(help)
  local text = help:gsub("%s+", " "):gsub("|", "\\|")
  for _, code in ipairs { "%-%-%l[%l=-]*", "%-%l%f[%W]", "%l+,%l+=%w+%%?" } do
    text = text:gsub("%f[^%s%z]" .. code, "`%0`")
  end
  return text
end

local function guide_section(_, rows)
  local out, group = { "\n| option | meaning |\n|---|---|\n" }, nil
  for _, row in ipairs(rows) do
    if row.group ~= group then
      group = row.group
      out[#out + 1] = ("| **%s** | |\n"):format(group)
    end
    local value = row.value and " " .. row.value or ""
    out[#out + 1] = ("| %s`--%s%s` | %s |\n"):format(
      row.letter and ("`-%s%s`, "):format(row.letter, value) or "", row.name, value, guide_cell(row.help))
  end
  return table.concat(out) .. "\n"
end

-- ---- both ----

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

--- Writes the section of one page anew. Returns whether it was up to date.
local function renew(path, write_section, check)
  local complete = true
  local function say(message)
    complete = false
    io.stderr:write(message, "\n")
  end
  local text = read(path)
  local before, old, after = text:match "^(.-`make options%-docs`[^\n]*\n)(.-)([^\n]*end of options.*)$"
  assert(before, path .. ": the lines around the options are missing")
  local new = before .. write_section(old, core.options(), say) .. after
  if new == text then return complete end
  if check then
    say(path .. ": the list of options is not that of engine/job/options.c: run `make options-docs`")
    return false
  end
  local file = assert(io.open(path, "w"))
  assert(file:write(new))
  assert(file:close())
  print(path .. ": written")
  return true
end

function begin()
  local check = arg[1] == "--check"
  local manual = renew(MANUAL, manual_section, check)
  local guide = renew(GUIDE, guide_section, check)
  if check and not (manual and guide) then os.exit(1) end
end
