--- tests/phrases.lua finds what it lists, and no more.
local phrases = require "phrases"

local function found(text, path)
  local list = {}
  for i, f in ipairs(phrases.find(text, path or "x.md")) do list[i] = f.line .. " " .. f.found end
  return list
end

describe("tests/phrases.lua", function()
  it("finds the example of each phrase, and not what only looks like it", function()
    assert.is_true(#phrases.list > 25)
    for _, entry in ipairs(phrases.list) do
      local pattern, say, bad, good = unpack(entry)
      assert.is_true(#say > 0 and #good > 0, pattern)
      local list = phrases.find(bad, "x.md")
      assert.are.equal(1, #list, pattern .. ": " .. bad)
      assert.are.equal(say, list[1].say)
      assert.are.same({}, found(good), pattern .. ": " .. good)
    end
  end)

  it("finds a phrase that is broken over lines, whatever their language", function()
    assert.are.same({ "2 goes on" }, found "text\nwhich goes\non here")
    assert.are.same({ "2 goes on" }, found("/* a\n * task goes\n * on. */", "x.c"))
    assert.are.same({ "2 goes on" }, found("--- a\n-- task goes\n-- on", "x.lua"))
    assert.are.same({ "1 goes on" }, found('say("it goes "\n    "on");', "x.c"))
    assert.are.same({ "1 goes on" }, found "It Goes On")
  end)

  it("leaves code in documents alone, and knows the line", function()
    assert.are.same({ "5 go on" }, found "`go on`\n```\ngo on\n```\nGo on.")
    assert.are.same({ "1 go on" }, found("`go on`", "x.lua"))
  end)

  it("does not excuse one for another one that stands near", function()
    assert.are.same({ "1 is no b" }, found "there is no a. What is no b")
    assert.are.same({}, found "There is no a")
  end)
end)
