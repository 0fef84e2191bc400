"""How the evaluation's HTML report looks, on a screen and on paper."""

STYLE = """
:root {
  --ink: #1b1f24; --soft: #5b6570; --line: #d9dee3; --wash: #f4f6f8; --grey: #c9d1d9;
  --macro: #1f5fa8; --micro: #c2500a;
  --font: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1120px; padding: 32px 28px 64px;
  background: #fff; color: var(--ink); font: 15px/1.5 var(--font);
}
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 10px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 26px 0 8px; }
p { max-width: 85ch; margin: 8px 0; }
.soft { color: var(--soft); font-weight: normal; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 4px 7px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); border-bottom: 1.5px solid var(--grey); }
th.span { text-align: center; }
th.first, td.first { text-align: left; white-space: normal; min-width: 150px; }
.spread { display: block; color: var(--soft); font-size: 85%; font-weight: normal; line-height: 1.1; }
td.f1 { font-weight: 650; }
td.group, th.group { border-left: 1px solid var(--line); }
tr.baseline td { color: var(--soft); }
tr.leak td { font-style: italic; }
table.subjects { width: auto; min-width: 60%; }
.share { display: inline-block; width: 120px; height: 9px; background: var(--wash); }
.share i { display: block; height: 100%; background: var(--macro); }
figure { margin: 14px 0 24px; break-inside: avoid; }
figcaption { margin: 0 0 4px; font-size: 14px; }
figcaption b { margin-right: 8px; }
svg { width: 100%; height: auto; display: block; font: 11px var(--font); }
.lane { text-anchor: end; fill: var(--soft); }
.tick { text-anchor: middle; fill: var(--soft); }
.tick.end { text-anchor: end; }
.track { fill: var(--wash); }
.grid { stroke: var(--line); stroke-width: .7; }
.curve { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
.curve.intensity { fill: #dde3e8; }
.curve.macro, .limit.macro, .bar.macro { stroke: var(--macro); }
.curve.micro, .limit.micro, .bar.micro { stroke: var(--micro); }
.limit { stroke-width: 1; stroke-dasharray: 5 4; opacity: .75; }
.bar { stroke-width: 1.5; }
.bar.macro.hit, .point.macro { fill: var(--macro); }
.bar.micro.hit, .point.micro { fill: var(--micro); }
.bar.miss { fill: #fff; }
.point { stroke: #fff; stroke-width: .8; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; font-size: 13px; color: var(--soft); margin: 6px 0 0; }
.legend svg { width: 30px; height: 14px; display: inline-block; vertical-align: -2px; margin-right: 5px; }
pre { font-size: 12px; background: var(--wash); padding: 12px; white-space: pre-wrap; word-break: break-word; }
@media print {
  @page { margin: 13mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { padding: 0; max-width: none; font-size: 11px; }
  .wide { overflow: visible; }
  table { font-size: 8px; }
  th, td { padding: 2px 3px; }
  th.first, td.first { min-width: 85px; }
  h2, h3 { break-after: avoid; }
  h2 { margin-top: 22px; }
  tr { break-inside: avoid; }
  pre { font-size: 8px; }
}
"""
