import { expect, test } from 'vitest'
import { readPath } from './request-path.ts'

test.each([
  ['/v1/models', '/v1/models'],
  ['/v1/models/', '/v1/models'],
  ['//v1//models', '/v1/models'],
  ['/v1/messages?beta=true', '/v1/messages'],
  ['/', '/'],
  ['//', '/'],
  ['http://other.example:81/v1/models?x', '/v1/models'],
  ['HTTP://other.example', '/'],
  ['/v1/models/a%2Fb', '/v1/models/a%2Fb'],
])('reads %s as %s', (target, path) => {
  expect(readPath(target)).toBe(path)
})

test.each([
  '/v1/../admin',
  '/v1/./models',
  '/v1/%2e%2e/admin',
  '/v1/%2E./admin',
  '/..',
  '/v1/models;x=1',
  '/v1\\models',
  '/v1/models#x',
  '/v1/mod els',
  '/v1/mödels',
  '/v1/models\u0000',
  '*',
  'v1/models',
  'ftp://host/v1/models',
  'host:443',
])('fault 119: %s is no path', (target) => {
  expect(readPath(target)).toBeUndefined()
})
