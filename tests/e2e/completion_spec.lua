--- --completion: what bash, zsh and fish make of the command line when Tab is pressed. The shells are
-- the real ones; a shell that is not installed is skipped.

local helper = require "tests.e2e.helper"
local expect, prunner = helper.expect, helper.prunner

local function installed(shell)
  if helper.run("command -v " .. shell).status == 0 then return true end
  pending(shell .. " is not installed")
end

--- A directory with scripts and other files, and the completions of that shell.
local function directory(shell, completions)
  local dir = helper.tmpdir()
  helper.run({ "mkdir", dir .. "/dir", dir .. "/functions" })
  for _, name in ipairs { "job.lua", "my job.lua", "notes.txt", "dfile", "stat.bin" } do
    helper.write(dir .. "/" .. name, "")
  end
  helper.write(dir .. "/functions/" .. completions, expect(prunner("--completion", shell)).out)
  return dir
end

-- What is offered for the last word, one a line.
local BASH = [[
source functions/prunner
COMP_WORDS=(prunner "$@") COMP_CWORD=$#
_prunner
printf '%s\n' "${COMPREPLY[@]}"
]]

-- The lines of the arguments after Tab was pressed at their ends. The shell that is asked runs in a
-- terminal of its own; its key ^X shows what stands in the line.
local ZSHRC = [[
PS1= RPS1=
unsetopt beep
fpath=($ZDOTDIR $fpath)
autoload -Uz compinit
compinit -D -u
show() { print -r -- "<<$BUFFER>>"; BUFFER=; zle redisplay }
zle -N show
bindkey '^X' show
bindkey '^I' complete-word
print '<<ready>>'
]]
local ZSH = [[
zmodload zsh/zpty
zpty shell zsh -i
zpty -r shell text '*<<ready>>*'
for line in "$@"; do
  zpty -w -n shell "$line"$'\t\x18'
  zpty -r shell text '*<<*>>*'
  print -r -- "${${text##*<<}%%>>*}"
done
zpty -d shell
]]

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return lines
end

describe("prunner --completion", function()
  after_each(helper.cleanup)

  it("prints scripts that name every option and every other command", function()
    local help = expect(prunner("--help")).out
    local options, commands = {}, {}
    for option in help:gmatch("\n +%-?%l?,? ?%-%-([%l%-]+)") do options[#options + 1] = option end
    for name in help:gmatch("\n  prunner (%l+) %u") do commands[#commands + 1] = name end
    assert.is_true(#options >= 20 and #commands >= 1)
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local text = expect(prunner("--completion", shell)).out
      for _, option in ipairs(options) do
        assert(text:find((shell == "fish" and "-l " or "--") .. option, 1, true), shell .. ": " .. option)
      end
      for _, name in ipairs(commands) do
        assert(text:find("%f[%w]" .. name .. "%f[%W]"), shell .. ": " .. name)
      end
    end
  end)

  it("completes in bash", function()
    if not installed "bash" then return end
    local dir = directory("bash", "prunner")
    helper.write(dir .. "/drive", BASH)
    local function offers(expected, ...)
      local result = helper.run({ "bash", "--norc", "drive", ... }, { cwd = dir })
      assert.are.equal("", expect(result).err)
      local got = lines_of(result.out)
      table.sort(got)
      assert.are.same(expected, got)
    end
    offers({ "--order" }, "--ord")
    offers({ "fifo", "lifo" }, "--order", "")
    offers({ "lifo" }, "--order", "=", "l")
    offers({ "fifo", "lifo" }, "--order", "=")
    offers({ "bash", "fish", "zsh" }, "--completion", "")
    offers({}, "-n", "")
    offers({ "dir" }, "--tmpdir", "d")
    offers({ "stat.bin" }, "job.lua", "--state", "s")
    offers({ "job.lua" }, "j")
    offers({ "new" }, "ne")
    offers({ "dir", "functions", "job.lua", "my job.lua" }, "-n", "3", "--order", "=", "lifo", "")
    offers({ "notes.txt" }, "no") -- no script begins so
    offers({ "dfile", "dir", "drive" }, "job.lua", "d")
    offers({ "--help" }, "job.lua", "--he")
    offers({}, "job.lua", "--", "--he")
    offers({ "--help", "-h" }, "new", "-")
    offers({ "notes.txt" }, "new", "n")
    offers({ "kill", "pause", "resume", "status", "stop" }, "ctl", "")
    offers({ "status", "stop" }, "ctl", "4711", "st")
    offers({ "--help", "--now", "--nprocess", "-h", "-n" }, "ctl", "-")
  end)

  it("completes in zsh", function()
    if not installed "zsh" then return end
    local dir = directory("zsh", "_prunner")
    helper.write(dir .. "/functions/.zshrc", ZSHRC)
    helper.write(dir .. "/drive", ZSH)
    local words, expected = { "zsh", "-f", "drive" }, {}
    for _, pair in ipairs {
      { "--ord", "--order=" }, { "--order l", "--order lifo " }, { "--order=l", "--order=lifo " },
      { "--completion z", "--completion zsh " }, { "-n 3 j", "-n 3 job.lua " }, { "my", "my\\ job.lua " },
      { "--tmpdir d", "--tmpdir dir/" }, { "job.lua --state s", "job.lua --state stat.bin " },
      { "ne", "new " }, { "job.lua no", "job.lua notes.txt " }, { "job.lua --hel", "job.lua --help " },
      { "new --", "new --help " }, { "new n", "new notes.txt " }, { "ctl 4711 k", "ctl 4711 kill " },
      { "job.lua -- --he", "job.lua -- --he" },
    } do
      words[#words + 1], expected[#expected + 1] = "prunner " .. pair[1], "prunner " .. pair[2]
    end
    local env = { ZDOTDIR = dir .. "/functions", TERM = "dumb" }
    assert.are.same(expected, lines_of(expect(helper.run(words, { cwd = dir, env = env })).out))
  end)

  it("completes in fish", function()
    if not installed "fish" then return end
    local dir = directory("fish", "prunner.fish")
    local command = "source functions/prunner.fish; complete -C $argv[1]"
    local function offers(expected, line)
      local result = helper.run({ "fish", "--no-config", "-c", command, "prunner " .. line },
        { cwd = dir, env = { HOME = dir } })
      assert.are.equal("", expect(result).err)
      local got = lines_of((result.out:gsub("\t[^\n]*", "")))
      assert.are.same(expected, got)
    end
    offers({ "--order" }, "--ord")
    offers({ "lifo" }, "--order l")
    offers({ "--order=fifo", "--order=lifo" }, "--order=")
    offers({ "zsh" }, "--completion z")
    offers({ "dir/" }, "--tmpdir d")
    offers({ "stat.bin" }, "job.lua --state s")
    offers({ "job.lua" }, "-n 3 j")
    offers({ "notes.txt" }, "job.lua n")
    offers({ "new" }, "ne")
    offers({ "--help" }, "job.lua --hel")
    offers({ "--help" }, "new --h")
    offers({ "notes.txt" }, "new n")
    offers({ "status", "stop" }, "ctl 4711 st")
  end)
end)
