import { describe, expect, test } from 'vitest'
import type { DialectId } from '../canonical/envelope.ts'
import { findModel, listModels } from './models-endpoint.ts'

const models = [
  { id: 'smart', ownedBy: 'holdfast', isSimulated: false },
  { id: 'one/m', ownedBy: 'one', isSimulated: true },
]
const query = (dialect: DialectId) => ({ dialect, createdAtS: 1_700_000_000 })

describe('11: the list of models', () => {
  test('is OpenAI’s', () => {
    expect(listModels(models, query('openai-chat'))).toMatchObject({
      object: 'list',
      data: [{ id: 'smart', object: 'model', type: 'base', owned_by: 'holdfast' }, { id: 'one/m' }],
    })
  })

  test('is Anthropic’s', () => {
    expect(listModels(models, query('anthropic-messages'))).toMatchObject({
      data: [{ id: 'smart', type: 'model', display_name: 'smart', created_at: '2023-11-14T22:13:20Z' }, {}],
      has_more: false,
      first_id: 'smart',
      last_id: 'one/m',
    })
  })

  test('is Google’s, without a further page', () => {
    const list = listModels(models, query('gemini'))
    expect(list).toMatchObject({
      models: [{ name: 'models/smart', displayName: 'smart' }, { name: 'models/one/m' }],
    })
    expect(list).not.toHaveProperty('nextPageToken')
    expect(findModel(models, 'models/one/m', query('gemini'))).toMatchObject({
      name: 'models/one/m',
      holdfast_simulated: true,
    })
    expect(findModel(models, 'one/m', query('gemini'))).toMatchObject({ name: 'models/one/m' })
  })

  test('has no model of another name', () => {
    expect(() => findModel(models, 'models/smart', query('openai-chat'))).toThrow(/no model of this name/)
  })
})
