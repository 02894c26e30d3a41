std = "luajit"
max_line_length = 110
codes = true

stds.prunner = dofile("editor/luacheckrc")

-- A script's globals are its hooks and its tasks: that is how jobs are written.
files["docs"] = { std = "+prunner", allow_defined_top = true, ignore = { "131" } }
files["scripts"] = { std = "+prunner", allow_defined_top = true, ignore = { "131" } }

-- Messages that are expected stand in one line.
files["tests"] = { max_line_length = 120 }
files["tests/spec"] = { std = "+busted", max_line_length = 120 }
files["tests/e2e"] = { std = "+busted", max_line_length = 120 }

-- Jobs that tests run.
files["tests/**/jobs"] = { std = "+prunner", allow_defined_top = true, ignore = { "131" } }

-- Declarations only: nothing in it is used.
files["editor/meta"] = { ignore = { "211", "212", "241" } }
