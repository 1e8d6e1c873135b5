/** Google's official library beside chats: embeddings by whoever makes them, and the list of models. */

import { GoogleGenAI } from '@google/genai'
import { describe, expect, test } from 'vitest'
import { openOperations, type OperationsStage } from '../support/operations-stage.ts'
import { VECTOR } from '../support/operations-upstream.ts'

function google(stage: OperationsStage, apiVersion?: string): GoogleGenAI {
  const httpOptions = { baseUrl: stage.url, ...(apiVersion === undefined ? {} : { apiVersion }) }
  return new GoogleGenAI({ apiKey: 'unused', httpOptions })
}

describe.each([undefined, 'v1', 'v1beta'])('Google’s library, API version %s', (apiVersion) => {
  test.each(['one', 'google'])('10: gets embeddings of the provider %s', async (provider) => {
    await using stage = await openOperations()
    const answer = await google(stage, apiVersion).models.embedContent({
      model: `${provider}/m`,
      contents: ['a', 'b'],
      config: { outputDimensionality: VECTOR.length },
    })
    expect(answer.embeddings?.map(({ values }) => values)).toEqual([VECTOR, VECTOR])
    const record = await stage.gateway.exchange(({ operation }) => operation === 'embeddings')
    expect(record).toMatchObject({ dialect: 'gemini', target: `${provider}/m`, state: 'completed' })
  })

  test('11: lists the models in its own shape', async () => {
    await using stage = await openOperations()
    const names: (string | undefined)[] = []
    for await (const model of await google(stage, apiVersion).models.list()) names.push(model.name)
    expect(names).toContain('models/both')
    expect(names).toContain('models/one/m')
    const one = await google(stage, apiVersion).models.get({ model: 'both' })
    expect(one.displayName).toBe('both')
  })
})
