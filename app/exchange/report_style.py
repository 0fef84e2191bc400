"""The style sheet of the HTML report: light and dark on a screen, light on paper."""

from __future__ import annotations

STYLE = """
:root {
  --page: #f3f5f7; --panel: #ffffff; --text: #1c2127; --muted: #5a6572; --line: #d5dae0; --faint: #e9edf1;
  --curve: #27313d; --macro: #ad4e00; --micro: #0a6fb8; --macro-band: #f6dcc6; --micro-band: #cfe5f7;
  --gap: #e3e6ea; --gap-line: #aab2bb; --note: #fdf3dc; --note-text: #5f4300; --note-line: #ecd9a8;
  color-scheme: light;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --panel: #1d2126; --text: #e6e9ed; --muted: #9aa5b1; --line: #39414b; --faint: #2a3037;
    --curve: #e3e8ee; --macro: #f0a13a; --micro: #5cb8f2; --macro-band: #4b3518; --micro-band: #173a54;
    --gap: #2c3239; --gap-line: #59636e; --note: #3a3014; --note-text: #fbe2a6; --note-line: #5d4d1f;
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif; -webkit-print-color-adjust: exact;
  print-color-adjust: exact; }
main { max-width: 1040px; margin: 0 auto; padding: 36px 28px 48px; }
header { margin-bottom: 22px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 34px 0 10px; font-weight: 650; }
p { margin: 0 0 10px; }
.kicker { color: var(--muted); font-size: 13px; letter-spacing: .04em; margin: 0 0 6px; }
.sub, .small { color: var(--muted); }
.small { font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 10px; margin: 20px 0 0; padding: 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 11px 13px 10px; }
.tile dt { color: var(--muted); font-size: 12.5px; line-height: 1.3; }
.tile dd { margin: 2px 0 0; font-size: 22px; font-weight: 620; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile dd small { display: block; font-size: 12.5px; font-weight: 400; color: var(--muted); line-height: 1.35; }
.tile.macro dd b { color: var(--macro); font-weight: inherit; }
.tile.micro dd b { color: var(--micro); font-weight: inherit; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; }
.panel + .panel { margin-top: 12px; }
.note { background: var(--note); color: var(--note-text); border: 1px solid var(--note-line); border-radius: 8px;
  padding: 10px 14px; margin: 14px 0 0; font-size: 14px; }
.note p { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 10px; padding: 0; list-style: none;
  font-size: 13px; color: var(--muted); }
.legend svg { width: 26px; height: 12px; vertical-align: -1px; margin-right: 6px; }
figure { margin: 0; }
figure + figure { margin-top: 14px; padding-top: 12px; border-top: 1px solid var(--faint); }
figure svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit; font-size: 11.5px; fill: var(--muted); font-variant-numeric: tabular-nums; }
svg .name { fill: var(--muted); }
svg .frame { fill: none; stroke: var(--line); }
svg .grid { stroke: var(--faint); fill: none; }
svg .gap { fill: var(--gap); }
svg .low { fill: url(#low); }
svg .out { fill: url(#out); }
svg .intensity { fill: none; stroke: var(--curve); stroke-width: 1.5; stroke-linejoin: round; }
svg .macro-line { fill: none; stroke: var(--macro); stroke-width: 1.5; stroke-linejoin: round; }
svg .micro-line { fill: none; stroke: var(--micro); stroke-width: 1.5; stroke-linejoin: round;
  stroke-dasharray: 5 2.5; }
svg .limit { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 1.5 3; }
svg .limit.macro-at { stroke: var(--macro); }
svg .limit.micro-at { stroke: var(--micro); }
svg .macro-band { fill: var(--macro-band); opacity: .55; }
svg .micro-band { fill: var(--micro-band); opacity: .6; }
svg .macro-box { fill: var(--macro); stroke: var(--panel); stroke-width: 1; }
svg .micro-box { fill: url(#hatch); stroke: var(--micro); stroke-width: 1.2; }
svg .macro-apex { stroke: var(--macro); stroke-width: 1; opacity: .8; }
svg .micro-apex { stroke: var(--micro); stroke-width: 1; opacity: .8; }
svg .number { font-size: 11px; font-weight: 600; text-anchor: middle; }
svg .macro-number { fill: var(--panel); }
svg .micro-number { fill: var(--micro); paint-order: stroke; stroke: var(--panel); stroke-width: 3.5px; }
svg .point { fill: var(--text); }
.scroll { overflow-x: auto; }
.panel + .small { margin-top: 7px; }
table.slim { width: auto; }
table.slim th, table.slim td { padding-right: 32px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 12px 7px 0; border-bottom: 1px solid var(--faint); vertical-align: middle; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 12.5px; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.c { white-space: nowrap; padding-left: 14px; }
th.c { padding-left: 14px; }
td img { display: block; max-width: 112px; max-height: 112px; border-radius: 4px; }
td.p { width: 138px; }
.type { font-weight: 600; white-space: nowrap; }
.type i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px;
  vertical-align: -1px; }
.type.macro { color: var(--macro); } .type.macro i { background: var(--macro); }
.type.micro { color: var(--micro); }
.type.micro i { border: 1.5px solid var(--micro); background: repeating-linear-gradient(135deg, var(--micro) 0 1.5px,
  transparent 1.5px 4px); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; align-items: start; }
.pair .panel + .panel { margin-top: 0; }
.facts th { font-weight: 400; color: var(--muted); width: 42%; padding-right: 14px; vertical-align: top; }
.facts td { overflow-wrap: anywhere; padding-right: 0; vertical-align: top; }
.facts th, .facts td { padding-top: 5px; padding-bottom: 5px; font-size: 13.5px; }
.panel h3 { font-size: 14px; margin: 0 0 4px; font-weight: 620; }
ul { margin: 0; padding-left: 20px; }
li { margin: 0 0 6px; }
footer { margin-top: 30px; color: var(--muted); font-size: 12.5px; }
@media (max-width: 760px) { .tiles { grid-template-columns: repeat(3, 1fr); } .pair { grid-template-columns: 1fr; }
  main { padding: 22px 16px 36px; } }
@page { size: A4; margin: 14mm 13mm 15mm; }
@media print {
  :root { --page: #ffffff; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 22px; }
  figure, tr, .tile, .note, .panel:not(.flow) { break-inside: avoid; }
  thead { display: table-header-group; }
  .panel.flow { border: 0; padding: 0; }
  .scroll { overflow: visible; }
  table { font-size: 9.5pt; }
  th, td { padding-right: 8px; }
  td img { max-width: 82px; max-height: 82px; }
  td.p { width: 104px; }
  svg text { font-size: 14.5px; }
  svg .number { font-size: 13.5px; }
  .pair { grid-template-columns: 1fr 1fr; }
  .facts th, .facts td { font-size: 8.5pt; padding-top: 3px; padding-bottom: 3px; }
  svg .micro-number { stroke: #ffffff; }
}
"""
