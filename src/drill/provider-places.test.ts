import { expect, test } from 'vitest'
import { knownProviders } from '../providers/index.ts'
import type { Provider } from '../providers/provider.ts'
import { isInRegion, placeOf, regionOf } from './provider-places.ts'

test.each([
  ['https://api.openai.com/v1', { company: 'openai' }],
  ['https://bedrock-runtime.us-east-1.amazonaws.com', { company: 'amazonaws', region: 'us-east-1' }],
  ['https://bedrock-runtime.us-gov-west-1.amazonaws.com', { company: 'amazonaws', region: 'us-gov-west-1' }],
  [
    'https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/x',
    {
      company: 'googleapis',
      region: 'europe-west4',
    },
  ],
  [
    'https://aiplatform.googleapis.com/v1/projects/p/locations/us-central1/x',
    {
      company: 'googleapis',
      region: 'us-central1',
    },
  ],
  ['https://aiplatform.googleapis.com/v1/projects/p/locations/global/x', { company: 'googleapis' }],
  ['https://mine.eastus2.models.ai.azure.com', { company: 'azure', region: 'eastus2' }],
  ['https://mine.swedencentral.models.ai.azure.com', { company: 'azure', region: 'swedencentral' }],
  ['https://llm.example.co.uk/v1', { company: 'example' }],
  ['https://eastern-models.example.com/v1', { company: 'example' }],
])('%s', (baseUrl, place) => {
  expect(placeOf({ baseUrl, isLocal: false })).toEqual(place)
})

test('what runs on the own network is one place', () => {
  expect(placeOf({ baseUrl: 'http://127.0.0.1:8000/v1', isLocal: true })).toEqual({ company: 'local' })
})

test('every known provider has a place', () => {
  for (const provider of knownProviders.values()) expect(regionOf(provider)).toMatch(/^[a-z0-9-]+$/)
})

test('a place is meant by its region, its company, or the provider itself', () => {
  // Sound: the bedrock provider is among the known ones.
  const bedrock = knownProviders.get('bedrock') as Provider
  for (const name of ['us-east-1', 'amazonaws', 'bedrock']) expect(isInRegion(bedrock, name)).toBe(true)
  expect(isInRegion(bedrock, 'us-east')).toBe(false)
})
