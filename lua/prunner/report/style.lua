--- How a report looks: on a screen, in the dark, on paper.
return [[
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1a1d21; --soft: #59616b; --line: #d9dde2; --box: #f5f6f8;
  --good: #19703a; --bad: #b3261e;
  --c0: #8a919b; --c1: #0072b2; --c2: #d97706; --c3: #009e73; --c4: #b5479b; --c5: #56b4e9;
  --c6: #c2410c; --c7: #8a7a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --ink: #e6e8eb; --soft: #a2aab5; --line: #363b43; --box: #1f2228;
    --good: #5fce85; --bad: #ff8a80;
    --c0: #767d88; --c1: #4aa3df; --c2: #f0a03c; --c3: #2fc79a; --c4: #dc86c4; --c5: #9bd3f5;
    --c6: #ef7d52; --c7: #d3c24a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 0.6rem; }
p { margin: 0.3rem 0 0.8rem; }
.soft, caption { color: var(--soft); }
.state { font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: 0.6rem;
  margin: 1rem 0 0; padding: 0; }
.figures div { background: var(--box); border-radius: 6px; padding: 0.5rem 0.8rem; }
.figures dt { color: var(--soft); font-size: 0.85rem; }
.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.3rem; }
th, td { text-align: right; padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th.left, td.left { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 7rem; }
tbody th { color: var(--ink); }
th .soft, th code { font-weight: normal; }
code, pre { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: var(--box); border-radius: 6px; padding: 0.7rem 0.9rem; margin: 0.4rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.bar { display: inline-block; width: 5rem; height: 0.6em; background: var(--box); border-radius: 3px;
  overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--c1); }
.key { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; list-style: none; margin: 0.2rem 0; padding: 0; }
.key i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 0.4em; }
svg { display: block; width: 100%; height: auto; }
svg .grid { stroke: var(--line); stroke-width: 1; fill: none; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .area { opacity: 0.25; }
svg .tick { fill: var(--soft); font: 12px system-ui, "DejaVu Sans", sans-serif; }
svg .middle { text-anchor: middle; }
svg .end { text-anchor: end; }
svg .death { fill: var(--bad); font: bold 14px system-ui, "DejaVu Sans", sans-serif; text-anchor: middle;
  stroke: var(--paper); stroke-width: 3px; paint-order: stroke; }
.failure { border-left: 4px solid var(--bad); padding-left: 0.9rem; margin: 1rem 0; }
.failure p { margin: 0.1rem 0; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 0.5rem 2rem; }
figure { margin: 0.5rem 0; }
figcaption { overflow-wrap: anywhere; }
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --box: #f2f2f2; --good: #145c2f; --bad: #9b1c15;
    --c0: #8a919b; --c1: #0072b2; --c2: #d97706; --c3: #009e73; --c4: #b5479b; --c5: #56b4e9; --c6: #c2410c;
    --c7: #8a7a00;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 11px; }
  code, pre { font-size: 10px; }
  h2 { break-after: avoid; }
  svg, tr, figure, .figures div { break-inside: avoid; }
  .failure p { break-after: avoid; }
  .scroll { overflow: visible; }
  th, td { padding: 0.15rem 0.35rem; }
}
]]
