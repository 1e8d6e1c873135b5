import { expect, test } from 'vitest'
import { combinations, openBench } from '../support/upstreams.ts'

/** Large enough to arrive in many chunks, and for its memory to be given back early. */
const prompt = 'tell me "everything"\n'.repeat(20_000)

test.each(combinations())(
  'a large body reaches every target whole: $client, $mode, $target',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        one: { dialect: target, faults: ['unauthorized'] },
        two: { dialect: 'anthropic-messages', faults: ['unauthorized'] },
        three: { dialect: 'openai-chat', text: 'fine' },
      },
      retries: 3,
    })
    const answer = await bench.ask({ client, mode, prompt })
    expect(answer.text).toContain('fine')
    const { exchange } = await bench.recordOf(answer)
    expect(exchange.requestBytes).toBeGreaterThan(prompt.length)
    for (const name of ['one', 'two', 'three']) {
      const [call] = bench.calls(name)
      expect(JSON.stringify(JSON.parse(Buffer.from(call?.body ?? []).toString()))).toContain(
        JSON.stringify(prompt).slice(1, -1),
      )
    }
  },
)
