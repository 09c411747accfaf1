/** How operators see where a client comes from. */
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { addressOf } from '../../src/server/admit.ts'

const from = (remoteAddress: string | undefined) => addressOf({ remoteAddress, remotePort: 4711 } as Socket)

test('an IPv4 client is told as that, whatever the socket listens for, and an IPv6 client in brackets', () => {
  expect(from('192.0.2.7')).toBe('192.0.2.7:4711')
  expect(from('::ffff:192.0.2.7')).toBe('192.0.2.7:4711')
  expect(from('2001:db8::1')).toBe('[2001:db8::1]:4711')
  expect(from('::ffff:0:1')).toBe('[::ffff:0:1]:4711')
})
