/** How the page of a drill looks: light or dark as the reader's system is, readable at any width, no fonts of its own. */

export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --text: #1c1f24; --line: #d0d4da; --good: #11703c;
  --one: #1f6feb; --two: #a34f00; --three: #6f42c1; --four: #a4133c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --text: #e6e8eb; --line: #4a5059; --good: #6fd49a;
    --one: #6cb0ff; --two: #f0a860; --three: #b79df0; --four: #ff8fa3;
  }
}
body {
  font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper);
  max-width: 780px; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere;
}
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; }
caption { text-align: left; font-weight: 600; }
details table { font-size: 13px; }
figure { margin: 1.2rem 0; }
figcaption, .advice { font-weight: 600; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; }
text { fill: var(--text); }
.scale { text-anchor: end; }
polyline { fill: none; stroke-width: 1.8; stroke: currentColor; }
polyline.tone2 { stroke-dasharray: 5 2; }
circle { fill: currentColor; }
.band { fill: var(--text); opacity: .08; }
.track { fill: none; stroke: var(--line); }
.key { font-weight: 400; margin-left: .8rem; }
.tone1, .mark-exhausted, .mark-auth-dead { color: var(--one); }
.tone2, .mark-half-open { color: var(--two); }
.tone3, .mark-limited { color: var(--three); }
.tone4, .mark-open, .bad { color: var(--four); }
.good { color: var(--good); }
.state-open { fill: var(--four); }
.state-half-open { fill: var(--two); }
.state-limited { fill: var(--three); }
.state-exhausted, .state-auth-dead { fill: var(--one); }
`
