import { expect, test } from 'vitest'
import { loadConfig } from './config/load-config.ts'
import { whatNeedsRestart, whyNotInForce } from './reload-rules.ts'

function config(text: string) {
  const loaded = loadConfig({ text: `discover: false\n${text}`, env: {}, path: 'holdfast.yaml' })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('\n'))
  return loaded.config
}

const keys = 'keys: [{ name: me, key: sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0 }]\n'

test('the last key cannot be taken away from a socket that the network reaches', () => {
  const started = config(`listen: 0.0.0.0:4141\n${keys}`)
  expect(whyNotInForce(config('listen: 127.0.0.1:4141'), started)).toMatchObject([
    { file: 'holdfast.yaml', line: 1, path: 'keys' },
  ])
  expect(whyNotInForce(config(`listen: 127.0.0.1:4141\n${keys}`), started)).toEqual([])
  expect(whyNotInForce(config(''), config(keys))).toEqual([])
})

test('what a running process cannot change is named, and nothing else', () => {
  const started = config('listen: 127.0.0.1:4141')
  expect(
    whatNeedsRestart(
      config(
        'listen: 127.0.0.1:4242\nadmin: false\nlimits: { bodyBytes: 1MiB, connectionsPerAddress: false, requestsInFlight: 9000 }\nlog: { level: warn }\njournal: { ttl: 1h }\ncache: { bytes: 2GiB }',
      ),
      started,
    ),
  ).toEqual([
    'listen',
    'admin',
    'limits.bodyBytes',
    'limits.connectionsPerAddress',
    'limits.requestsInFlight (the connections to one provider)',
    'journal',
    'cache (but its default)',
    'log',
  ])
  expect(
    whatNeedsRestart(
      config(`${keys}shutdown: { drain: 5s }\nlimits: { bufferedBytes: 64MiB }\ncache: { default: true }`),
      started,
    ),
  ).toEqual([])
})
