import { describe, expect, test } from 'vitest'
import { barChart, lineChart } from './charts.ts'
import { reportHtml } from './report-html.ts'
import { REPORT_STYLE } from './report-style.ts'
import { aReport, aRouteReport } from './reports.test-support.ts'

const evil = `<img src=x onerror="alert('1')">&`
const DAY_MS = 86_400_000

const page = reportHtml(
  aReport(
    {
      route: evil,
      targets: [{ target: evil, attempts: 1, share: 1, completed: 1, failed: 0, cancelled: 0, errors: [] }],
      errors: [{ code: evil, count: 1 }],
      advice: [{ rule: 'one-target', text: evil }],
      breakers: [{ target: evil, key: 1, spans: [{ state: evil, fromMs: 0, untilMs: 1_000, cause: evil }] }],
      verdict: {
        result: 'missed',
        objectives: [
          { objective: 'answeredShare', limit: 0.999, measured: 0.5, isMet: false, isStated: true },
        ],
      },
      course: [
        {
          fromMs: 0,
          untilMs: 1_800_000,
          requests: 3,
          answeredShare: 0.5,
          firstToken: { p50Ms: 300, p99Ms: 2_000 },
          attemptsPerRequest: 1.5,
          extraShare: 0.1,
        },
      ],
    },
    {
      isPassed: false,
      scenario: {
        name: evil,
        about: evil,
        weather: [
          { atMs: 0, forMs: 1_000, where: { kind: 'target', target: evil }, fault: 'outage', share: 1 },
        ],
      },
    },
  ),
)

/** Every tag that is opened is closed, in order; void elements of HTML aside. */
function unbalanced(html: string): readonly string[] {
  const open: string[] = []
  for (const [, slash, name = '', rest = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (name === 'meta' || rest.endsWith('/')) continue
    if (slash === '') open.push(name)
    else if (open.pop() !== name) return [`</${name}>`]
  }
  return open
}

describe('the page', () => {
  test('escapes every text that a configuration or a scenario can bring in', () => {
    expect(page).not.toContain('<img')
    expect(page).not.toMatch(/onerror="/)
    expect(page).toContain('&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;')
    expect(unbalanced(page)).toEqual([])
  })

  test('asks nothing of anybody, and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<iframe|https?:|url\(|@import| href=/)
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  })

  test('is light or dark as the reader wants it', () => {
    expect(page).toContain('color-scheme: light dark')
    const [, light = '', dark = ''] =
      /:root \{([^}]*)\}[^]*prefers-color-scheme: dark\) \{\s*:root \{([^}]*)\}/.exec(page) ?? []
    const namesIn = (text: string) => text.match(/--\w+(?=:)/g)
    expect(namesIn(light)?.length).toBeGreaterThan(5)
    expect(namesIn(dark)).toEqual(namesIn(light))
  })

  test('names its language, its charts and its tables, and has the charts in numbers too', () => {
    expect(page).toContain('<html lang="en">')
    const charts = page.match(/<svg [^>]*>/g) ?? []
    expect(charts).toHaveLength(5)
    for (const chart of charts) expect(chart).toMatch(/role="img" aria-label="[^"]+"/)
    for (const table of page.match(/<table>.{20}/g) ?? []) expect(table).toContain('<caption>')
    expect(page).toContain('<tr><th scope="row">00:00</th><td>3</td><td>50.0 %</td><td>300 ms</td>')
  })

  test('says the verdict, what was missed, and what to change', () => {
    expect(page).toContain('<strong class="bad">A stated objective was missed.</strong>')
    expect(page).toContain('answered 50.0 % (at least 99.9 %): missed')
    expect(page).toContain('<ul class="advice"><li>')
  })

  test('says of a route that nobody asked for just that', () => {
    const idle = {
      ...aRouteReport({ requests: 0 }),
      verdict: { result: 'idle', objectives: [] } as const,
      advice: [],
    }
    const html = reportHtml(aReport(idle))
    expect(html).toContain('<p>Nobody asked for it.</p>')
    expect(html).not.toContain('<svg')
    expect(unbalanced(html)).toEqual([])
  })
})

describe('a line chart', () => {
  const chart = (values: readonly (number | undefined)[], to?: number) =>
    lineChart({
      title: 'Answered',
      dayMs: DAY_MS,
      bands: [{ fromMs: 0, untilMs: DAY_MS / 2, name: 'outage' }],
      say: String,
      lines: [{ name: 'answered', tone: 1, values }],
      ...(to !== undefined && { to }),
    })

  test('breaks its line where nobody asked, and shows a lone step', () => {
    const html = chart([1, 2, undefined, 3, undefined, 2, 1])
    expect(html.match(/<polyline/g)).toHaveLength(2)
    expect(html.match(/<circle/g)).toHaveLength(1)
  })

  test('keeps every point inside its frame', () => {
    const html = chart([0, 5, 1_000_000, 0.1])
    for (const [, x, y] of html.matchAll(/([\d.]+),([\d.]+)/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(64)
      expect(Number(x)).toBeLessThanOrEqual(720)
      expect(Number(y)).toBeGreaterThanOrEqual(8)
      expect(Number(y)).toBeLessThanOrEqual(120)
    }
  })

  test('begins its scale at 0 and ends it where it is told, or at its highest value', () => {
    expect(chart([0.4], 1)).toContain('class="scale">1</text>')
    expect(chart([3, 7])).toMatch(/class="scale">0<.*class="scale">7</)
  })

  test('is drawn of nothing, too', () => {
    expect(chart([])).not.toContain('NaN')
  })

  test('shades when something went wrong', () => {
    expect(chart([1])).toContain('<rect class="band" x="64" y="8" width="328"')
  })
})

test('bars stand where their time is, at least a pixel wide', () => {
  const rows = [
    { name: 'openai/gpt-5', bars: [{ fromMs: DAY_MS / 2, untilMs: DAY_MS / 2 + 1, state: 'open' }] },
  ]
  const html = barChart({ title: 'Breakers', rows, dayMs: DAY_MS })
  expect(html).toContain('<rect class="state-open" x="392" y="4" width="1"')
  expect(html).toContain('<title>openai/gpt-5: open from 12:00</title>')
})

test.each(['light', 'dark'] as const)(
  'every colour is told from the %s paper with a contrast of 4.5 at least',
  (mode) => {
    const roots = [...REPORT_STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, text = '']) => text)
    const colours = new Map(
      [...(roots[mode === 'light' ? 0 : 1] ?? '').matchAll(/--(\w+): (#[0-9a-f]{6})/g)].map(
        ([, name = '', hex = '']) => [name, hex],
      ),
    )
    const paper = colours.get('paper') ?? ''
    for (const [name, colour] of colours) {
      if (name === 'paper' || name === 'line') continue
      expect(contrast(colour, paper), name).toBeGreaterThanOrEqual(4.5)
    }
  },
)

/** WCAG 2.2, "contrast ratio". */
function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
