import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { GOOD, KEY, OTHER_HOST } from '../../upstream/certificates.test-support.ts'
import { describeConfig } from './config.ts'
import { formatFault } from './fault.ts'
import { loadConfig } from './load-config.ts'

const TEXT = `discover: false
tls:
  cert: certs/chain.pem
  key: /etc/other/key.pem
`

function load(files: Readonly<Record<string, string>>, text = TEXT) {
  return loadConfig({
    text,
    path: '/srv/holdfast.yaml',
    env: {},
    readFile(path) {
      const found = files[path]
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return found
    },
  })
}

const files = (chain: string, key: string) => ({
  '/srv/certs/chain.pem': chain,
  '/etc/other/key.pem': key,
})

function faultOf(chain: string, key: string): readonly string[] {
  const loaded = load(files(chain, key))
  return loaded.ok ? [] : loaded.faults.map(formatFault)
}

const ecKey = (passphrase?: string) => {
  const format = { format: 'pem', type: 'pkcs8' } as const
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export(
    passphrase === undefined ? format : { ...format, cipher: 'aes-256-cbc', passphrase },
  )
}

describe('fault 143: a certificate in the configuration', () => {
  test('is read with its key, from the folder of the file or from anywhere', () => {
    const loaded = load(files(`${GOOD}\n${OTHER_HOST}\n`, KEY))
    if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'))
    const { tls } = loaded.config
    expect(tls).toMatchObject({
      certPath: '/srv/certs/chain.pem',
      keyPath: '/etc/other/key.pem',
      names: ['localhost'],
    })
    const ends = [GOOD, OTHER_HOST].map((pem) => new X509Certificate(pem).validToDate.getTime())
    expect(tls?.endsAtMs).toBe(Math.min(...ends))
    expect(load({}, 'discover: false').ok).toBe(true)
  })

  test('SEC-27: shows where the key is, and nothing of it', () => {
    const loaded = load(files(GOOD, KEY))
    if (!loaded.ok) throw new Error('it is sound')
    const printed = JSON.stringify(describeConfig(loaded.config)) + inspect(loaded.config, { depth: 9 })
    expect(printed).toContain('/etc/other/key.pem')
    for (const line of KEY.split('\n').slice(1, -1)) expect(printed).not.toContain(line)
    expect(loaded.config.secrets.map((one) => one.reveal())).toContain(KEY)
  })

  test.each([
    ['that is no PEM', 'MIIB', KEY, '/srv/holdfast.yaml:3:9', 'holds no certificate in PEM'],
    ['cut short', GOOD.slice(0, 300), KEY, '/srv/holdfast.yaml:3:9', 'holds no certificate in PEM'],
    ['garbled', GOOD.replace('MIIB', 'AAAA'), KEY, '/srv/holdfast.yaml:3:9', 'holds no certificate in PEM'],
    ['whose key is cut short', GOOD, KEY.slice(0, 100), '/srv/holdfast.yaml:4:8', 'holds no private key'],
    ['whose key has a passphrase', GOOD, ecKey('secret'), '/srv/holdfast.yaml:4:8', 'without a passphrase'],
    [
      'with the key of another',
      GOOD,
      ecKey(),
      '/srv/holdfast.yaml:4:8',
      'is not the key of "certs/chain.pem"',
    ],
  ])('is refused %s, where it stands and without its content', (_name, chain, key, place, words) => {
    const faults = faultOf(chain, key)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(place)
    expect(faults[0]).toContain(words)
    expect(faults[0]).not.toMatch(/MI[A-Z]{2}|AAAA/)
  })

  test('is refused where a file is not there', () => {
    const loaded = load({ '/srv/certs/chain.pem': GOOD })
    expect(loaded.ok ? [] : loaded.faults.map(({ message }) => message)).toEqual([
      'tls.key: "/etc/other/key.pem" cannot be read (ENOENT): put the file there, or name another',
    ])
  })
})
